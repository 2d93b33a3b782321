// Chance that can be repeated.

/** A seed from the environment, so that a failed run can be repeated, else a new one; it is in the test's name. */
export function pickSeed (): number {
  return Number(process.env.TEST_SEED ?? Math.trunc(Math.random() * 2 ** 31))
}

/** Mulberry32: a small seeded generator, enough to choose test data with. */
export function random (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
