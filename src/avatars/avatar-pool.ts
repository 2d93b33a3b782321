import { randomInt } from 'node:crypto'

/** Pictures that are kept: choices enough for anybody, some 1.5 MB. */
export const POOL_SIZE = 500

/**
 * Choices from a pool that is drawn as it is asked for, until it is full. Drawing 50 takes 50 to 100 ms of a core, and
 * anybody may ask, 50 times a second: without a pool one address could keep the process busy with that alone.
 * @param draw draws new pictures, all different
 */
export function avatarPool (draw: (count: number) => Promise<string[]>): (count: number) => Promise<string[]> {
  const pool = new Set<string>()

  return async function choose (count) {
    if (pool.size < POOL_SIZE) {
      const drawn = await draw(count)
      for (const picture of drawn) if (pool.size < POOL_SIZE) pool.add(picture)
      return drawn
    }
    const all = [...pool]
    return Array.from({ length: count }, () => all.splice(randomInt(all.length), 1)[0]!)
  }
}
