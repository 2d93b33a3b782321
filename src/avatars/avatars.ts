import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { sanitizeAvatar } from './svg.js'

/** Avatars in one offer: 50 are some 150 KB of answer and a full screen to choose from; the set has over 1,000. */
export const MAX_OFFERED = 50

/** The drawings are under CC BY 4.0, and their <metadata> is dropped when they are stored: say this where they are offered. */
export const AVATAR_CREDIT = 'Fun Emoji Set by Davis Uche (https://www.figma.com/community/file/968125295144990435), CC BY 4.0, remixed by DiceBear'

/**
 * Emoji avatars to choose from, drawn here by DiceBear (@dicebear/fun-emoji), nothing downloaded. They are base64 of
 * SVG, already in the form that `sanitizeAvatar` returns, and no two are the same.
 *
 * DiceBear is loaded on first use: it takes longer to load (some 70 ms) than a small request is worth at start-up.
 *
 * @param count 1 to MAX_OFFERED
 * @param seed makes the offer repeatable: the same seed gives the same avatars, a smaller count the first of them
 * @throws {RangeError} for another count
 */
export async function offerAvatars (count: number, seed: string = randomUUID()): Promise<string[]> {
  if (!Number.isInteger(count) || count < 1 || count > MAX_OFFERED) {
    throw new RangeError(`count must be an integer from 1 to ${MAX_OFFERED}`)
  }
  const [{ createAvatar }, funEmoji] = await Promise.all([import('@dicebear/core'), import('@dicebear/fun-emoji')])
  const offered = new Set<string>()
  for (let i = 0; offered.size < count; i++) {
    const svg = createAvatar(funEmoji, { seed: `${seed}:${i}` }).toString()
    const result = sanitizeAvatar(Buffer.from(svg).toString('base64'))
    if ('problem' in result) throw new Error(`An offered avatar ${result.problem}`)
    offered.add(result.value)
    // One takes about a millisecond: others get their turn in between.
    await setImmediate()
  }
  return [...offered]
}
