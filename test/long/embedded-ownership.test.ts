// Many rounds of the races over one data directory that
// packages/embedded-mongo/test/ownership.test.ts runs a few of.
import { t as tap, test } from 'tap'
import { handOvers, takeOvers } from '../../packages/embedded-mongo/test/ownership.js'

/** `.ci/run` asks for fewer, to end in time. */
const ROUNDS = Number(process.env.OWNERSHIP_ROUNDS ?? 100)
// Up to five processes start in each round of two tests: a second or two each time, several on a
// loaded machine.
tap.setTimeout(2 * ROUNDS * 10_000)

test(`${ROUNDS} killed owners: one of four starting processes takes over, the others name it`, async t => {
  await takeOvers(t, ROUNDS)
})

test(`${ROUNDS} owners that stop while others start: there is one owner at any time`, async t => {
  await handOvers(t, ROUNDS)
})
