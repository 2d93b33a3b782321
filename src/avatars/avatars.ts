import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { sanitizeAvatar } from './svg.js'

/** Avatars in one offer: 50 fill a screen and take about 150 KB. The set has over 1,000. */
export const MAX_OFFERED = 50

/**
 * The drawings are under CC BY 4.0, and their <metadata> is dropped when they are stored. So the offer has to
 * show this text.
 */
export const AVATAR_CREDIT =
  'Fun Emoji Set by Davis Uche (https://www.figma.com/community/file/968125295144990435), CC BY 4.0, ' +
  'remixed by DiceBear'

/**
 * Draws different emoji avatars to choose from, with DiceBear (@dicebear/fun-emoji) and without downloads.
 * They are base64 of SVG in the form that `sanitizeAvatar` returns.
 *
 * DiceBear is loaded at the first use, because loading takes about 70 ms.
 *
 * @param count 1 to MAX_OFFERED
 * @param seed makes the offer repeatable: the same seed gives the same avatars in the same order
 * @throws {RangeError} for any other count
 */
export async function offerAvatars (count: number, seed: string = randomUUID()): Promise<string[]> {
  if (!Number.isInteger(count) || count < 1 || count > MAX_OFFERED) {
    throw new RangeError(`count must be an integer from 1 to ${MAX_OFFERED}`)
  }
  const { createAvatar } = await import('@dicebear/core')
  const funEmoji = await import('@dicebear/fun-emoji')
  const offered = new Set<string>()
  for (let i = 0; offered.size < count; i++) {
    const svg = createAvatar(funEmoji, { seed: `${seed}:${i}` }).toString()
    const result = sanitizeAvatar(Buffer.from(svg).toString('base64'))
    if ('problem' in result) throw new Error(`An offered avatar ${result.problem}`)
    offered.add(result.value)
    // One takes about a millisecond. Other requests get their turn in between.
    await setImmediate()
  }
  return [...offered]
}
