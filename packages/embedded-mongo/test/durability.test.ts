// Acknowledged writes survive kill -9. A full disk gets a clear error, and the data stays readable.
import { execFileSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { MongoClient, type Collection, type MongoServerError } from 'mongodb'
import { t as tap, test, type Test } from 'tap'
import { mount, scratch, startProcess, using, type ServerProcess } from './helper.js'
import { LONG, pickSeed, random } from './seed.js'
import { Lane, type Doc } from './storm.js'

// It takes a minute on a quiet machine, and several times as long on a busy one.
tap.setTimeout(400_000)

const ROUNDS = LONG ? 30 : 4
const LANES = 16
const seed = pickSeed()

/** Throws unless every index of the collection agrees with its documents. */
async function validate (client: MongoClient, name: string): Promise<void> {
  const answer = await client.db('storm').command({ validate: name })
  if (!answer.valid) throw new Error(`validate: ${JSON.stringify(answer)}`)
}

/** Throws unless everything acknowledged is stored, no statement is half done, and the indexes agree. */
async function recover (client: MongoClient, items: Collection<Doc>, lanes: Lane[]): Promise<void> {
  await items.createIndexes([
    { key: { lane: 1, n: 1, _id: 1 }, unique: true },
    { key: { tags: 1 } },
    { key: { lane: 1, text: -1 } }
  ])
  await validate(client, 'items')
  const stored = await items.find().toArray()
  for (const lane of lanes) lane.recover(stored.filter(doc => doc.lane === lane.lane))
  const byIndex = await items.find({ lane: { $gte: 0 } }, { hint: { lane: 1, n: 1, _id: 1 } }).toArray()
  if (byIndex.length !== stored.length) {
    throw new Error(`the index finds ${byIndex.length} of ${stored.length} documents`)
  }
}

/**
 * Writes on all lanes until the server is killed.
 *
 * @returns how many commands were acknowledged
 */
async function storm (
  server: ServerProcess,
  client: MongoClient,
  items: Collection<Doc>,
  lanes: Lane[],
  choose: () => number
): Promise<number> {
  const last = LANES + Math.floor(choose() * 80)
  let [acknowledged, killed] = [0, false]
  const kill = async () => {
    killed = true
    // Half of the kills come at once, which shows an answer before its flush; the others within one or two
    // commits.
    if (choose() < 0.5) await delay(choose() * 15)
    await server.end('SIGKILL')
    // Else writers without a connection would look for the server for seconds.
    await client.close()
  }
  let dead = Promise.resolve()
  await Promise.all(
    lanes.map(async lane => {
      try {
        for (;;) {
          await lane.step(items)
          if (++acknowledged === last) dead = kill()
        }
      } catch (err) {
        // Only the end of the server may stop a writer.
        if (!killed) throw err
      }
    })
  )
  await dead
  return acknowledged
}

test(`${ROUNDS} rounds of kill -9 lose nothing acknowledged (seed ${seed})`, async t => {
  const dir = await scratch(t)
  const choose = random(seed)
  const lanes = Array.from({ length: LANES }, (_, lane) => new Lane(lane, random(seed + lane)))
  let acknowledged = 0
  for (let round = 0; round <= ROUNDS; round++) {
    const server = await startProcess(t, dir, 'sync')
    await using(server, async client => {
      const items = client.db('storm').collection<Doc>('items')
      await recover(client, items, lanes)
      if (round < ROUNDS) acknowledged += await storm(server, client, items, lanes, choose)
    })
    await server.end()
  }
  t.ok(acknowledged > ROUNDS * LANES, `${acknowledged} commands were acknowledged`)
})

/**
 * Inserts until the disk is full, and checks that everything acknowledged can be read then.
 *
 * @returns how many documents there are
 */
async function fillUp (t: Test, server: ServerProcess): Promise<number> {
  return using(server, async client => {
    const items = client.db('storm').collection<{ _id: number; text: string }>('full')
    const acknowledged: number[] = []
    let error: MongoServerError | undefined
    for (let first = 0; first < 10_000 && !error; first += 10) {
      const docs = Array.from({ length: 10 }, (_, i) => ({ _id: first + i, text: 'x'.repeat(50_000) }))
      await items.insertMany(docs).then(
        () => acknowledged.push(...docs.map(({ _id }) => _id)),
        (err: MongoServerError) => {
          error = err
        }
      )
    }
    t.match(error, { code: 14031, message: /space|full|large/i }, `OutOfDiskSpace: ${error?.message}`)
    const found = await items.find({}, { projection: { _id: 1 } }).toArray()
    t.same(
      acknowledged.filter(_id => !found.some(doc => doc._id === _id)),
      [],
      'every acknowledged document is readable beside the error'
    )
    await validate(client, 'full')
    return found.length
  })
}

async function countIs (t: Test, server: ServerProcess, expected: number, message: string): Promise<void> {
  await using(server, async client => {
    t.equal(await client.db('storm').collection('full').countDocuments(), expected, message)
    await validate(client, 'full')
  })
}

test('a full disk is OutOfDiskSpace (14031); reads go on, and writes once there is room', async t => {
  const dir = await scratch(t)
  if (!mount(t, dir, '-t', 'tmpfs', '-o', 'size=16m', 'none')) return
  const server = await startProcess(t, dir, 'sync')
  const stored = await fillUp(t, server)
  execFileSync('mount', ['-o', 'remount,size=64m', dir])
  await using(server, client =>
    client
      .db('storm')
      .collection('full')
      .insertOne({ text: 'x'.repeat(50_000) })
  )
  await server.end('SIGKILL')
  const again = await startProcess(t, dir, 'sync')
  await countIs(t, again, stored + 1, 'and after a restart')
  await again.end()
})

test('a file that cannot grow (ulimit -f) is answered in the same way', async t => {
  const dir = await scratch(t)
  const limit = 16 * 2 ** 20
  const server = await startProcess(t, dir, 'sync', limit)
  const stored = await fillUp(t, server)
  await server.end('SIGKILL')
  const again = await startProcess(t, dir, 'sync', limit)
  await countIs(t, again, stored, 'and after a restart, with the file as full as before')
  await again.end()
})
