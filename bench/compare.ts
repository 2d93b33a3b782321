/**
 * Whether sending and history are as fast in one build as in another: both run at the same time, the work is
 * done in turn, A B B A …, with the embedded database and real flushes.
 * `npm run bench:compare -- A/dist/src/server.js B/dist/src/server.js [rounds]`
 * It fails where B is more than 5 % slower.
 */
import { resolve } from 'node:path'
import { register, type Account } from '../test/long/accounts.js'
import { Caller } from '../test/long/caller.js'
import { median, printTable, showMs } from '../test/long/figures.js'
import { within } from '../test/long/lifetime.js'
import { dataDir, start, type Lifetime } from '../test/server.js'
import { Sender, speedOf, workOf, type Speed, type Work } from './compare/work.js'

const DEFAULT_ROUNDS = 20
/** Speed of B in shares of A's. */
const LEAST = 0.95
const HISTORY = 1_000
/** Messages of the history that are sent at a time. */
const AT_ONCE = 50

/** As `npm start` starts it, without the limits by rate. */
const ENV = {
  NODE_OPTIONS: '--max-semi-space-size=8',
  REGISTER_LIMIT: '0',
  LOGIN_LIMIT: '0',
  HTTP_RATE: '0',
  FRAME_RATE: '0'
}

interface Build { pid: number, work: Work[] }

async function say (caller: Caller, from: Account, to: Account): Promise<void> {
  const body = { sender: from.id, reciver: to.id, message: 'A message as long as people write them.' }
  const { status, text } = await caller.call('POST', '/api/v1/addmsg', { token: from.token, body })
  if (status !== 201) throw new Error(text)
}

async function prepare (lifetime: Lifetime, script: string): Promise<Build> {
  const dir = await dataDir(lifetime)
  const options = { script: resolve(script), keepLog: false }
  const { origin, child } = await start(lifetime, { ...ENV, DATA_DIR: dir }, options)
  const caller = new Caller(origin, '127.0.0.1')
  lifetime.teardown(() => caller.close())
  const [anna, ben] = [await register(caller, 'anna'), await register(caller, 'ben')]
  const other = await register(caller, 'carl')
  // Over HTTP: the builds may store messages in different formats.
  for (let n = 0; n < HISTORY; n += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => say(caller, other, anna)))
  }
  const sender = await Sender.open(origin, anna)
  lifetime.teardown(() => sender.close())
  return { pid: child.pid!, work: workOf(caller, sender, anna, ben.id, other.id) }
}

interface Pair { a: Speed, b: Speed }

/** The speeds of each piece of work, round by round. */
async function compare (a: Build, b: Build, rounds: number): Promise<Pair[][]> {
  const pairs: Pair[][] = a.work.map(() => [])
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [index, work] of a.work.entries()) {
      const [ofA, ofB] = [() => speedOf(work, a.pid), () => speedOf(b.work[index]!, b.pid)]
      const aFirst = round % 2 === 0
      const pair = aFirst ? { a: await ofA(), b: await ofB() } : { b: await ofB(), a: await ofA() }
      if (round > 0) pairs[index]!.push(pair)
    }
    process.stderr.write('.')
  }
  process.stderr.write('\n')
  return pairs
}

interface Row { name: string, a: Speed, b: Speed, ratio: number }

function rowOf (name: string, pairs: Pair[]): Row {
  const medians = (speeds: Speed[]): Speed => ({
    perSecond: median(speeds.map(({ perSecond }) => perSecond)),
    cpuMs: median(speeds.map(({ cpuMs }) => cpuMs))
  })
  // Of each round, since what else the machine does changes from round to round.
  const ratio = median(pairs.map(({ a, b }) => b.perSecond / a.perSecond))
  return { name, a: medians(pairs.map(({ a }) => a)), b: medians(pairs.map(({ b }) => b)), ratio }
}

function print (rows: Row[]): void {
  printTable([
    ['', 'A a second', 'B a second', 'B/A', 'A CPU ms', 'B CPU ms', 'B/A', ''],
    ...rows.map(({ name, a, b, ratio }) => [
      name, a.perSecond.toFixed(0), b.perSecond.toFixed(0), ratio.toFixed(3),
      showMs(a.cpuMs), showMs(b.cpuMs), (b.cpuMs / a.cpuMs).toFixed(3), ratio < LEAST ? 'SLOWER' : 'ok'
    ])
  ])
}

const [scriptA, scriptB, rounds = DEFAULT_ROUNDS] = process.argv.slice(2)
if (scriptA === undefined || scriptB === undefined) {
  console.error('usage: compare.ts A/dist/src/server.js B/dist/src/server.js [rounds]')
  process.exit(2)
}
const slower = await within(async lifetime => {
  const [a, b] = [await prepare(lifetime, scriptA), await prepare(lifetime, scriptB)]
  const pairs = await compare(a, b, Number(rounds))
  const rows = a.work.map(({ name }, index) => rowOf(name, pairs[index]!))
  console.log(`A: ${resolve(scriptA)}\nB: ${resolve(scriptB)}\nmedians of ${rounds} rounds\n`)
  print(rows)
  return rows.some(({ ratio }) => ratio < LEAST)
})
process.exit(slower ? 1 : 0)
