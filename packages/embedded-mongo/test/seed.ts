// Random numbers that can be repeated.

/** Whether this is `npm run test:long`, which does many rounds and chooses a new seed each time. */
export const LONG = process.env.TEST_LONG === '1'

/** The seed of `npm test`: the same on every run. */
const SEED = 5009

/** A seed for a test, to be named in its title so that a failed run can be repeated with TEST_SEED. */
export function pickSeed (): number {
  if (process.env.TEST_SEED !== undefined) return Number(process.env.TEST_SEED)
  return LONG ? Math.trunc(Math.random() * 2 ** 31) : SEED
}

/** Mulberry32: a small seeded generator, enough to choose test data with. */
export function random (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
