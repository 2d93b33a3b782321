import { randomInt } from 'node:crypto'

/** Pictures in the pool: enough choice, in about 1.5 MB. */
export const POOL_SIZE = 500

type Draw = (count: number) => Promise<string[]>

/**
 * Makes a function that chooses from a pool of pictures, which is drawn on demand until it is full. Drawing
 * 50 takes 50 to 100 ms of a core, and everybody may ask 50 times a second: without a pool, one address could
 * keep the process busy.
 * @param draw draws different new pictures
 */
export function avatarPool (draw: Draw): Draw {
  const pool = new Set<string>()

  return async function choose (count) {
    if (pool.size < POOL_SIZE) {
      const drawn = await draw(count)
      for (const picture of drawn.slice(0, POOL_SIZE - pool.size)) pool.add(picture)
      return drawn
    }
    const all = [...pool]
    return Array.from({ length: count }, () => all.splice(randomInt(all.length), 1)[0]!)
  }
}
