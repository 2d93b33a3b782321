import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BSON, type Collection, MongoClient, ObjectId } from 'mongodb'
import { open } from 'lmdb'
import { anonymousMiB, start } from './server-process.js'

/**
 * Measures the embedded server against bare lmdb, against `ping` and against a server of canned answers, in
 * one run and on one disk: the ratios say more than the figures.
 *
 *     npm run bench:embedded -- [messages] [dir]
 *
 * The default is 1,000,000 messages in the system's temporary directory.
 */
const MESSAGES = Number(process.argv[2] ?? 1_000_000)
const dir = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'bench-'))
const CLI = new URL('../dist/cli.js', import.meta.url).pathname
const CANNED = new URL('canned.ts', import.meta.url).pathname
const BATCH = 1000
const PAGE = 50
const PER_CONVERSATION = 1000

interface Message {
  _id: ObjectId
  conversation: string
  seq: number
  sender: string
  message: string
  createdAt: Date
  clientId: string
}

let made = 0
function newMessage (): Message {
  const n = made++
  return {
    _id: new ObjectId(),
    conversation: `c${Math.floor(n / PER_CONVERSATION)}`,
    seq: n % PER_CONVERSATION,
    sender: `user${n % 7}`,
    message: 'x'.repeat(80 + (n % 80)),
    createdAt: new Date(),
    clientId: `${n}`
  }
}

/**
 * Calls `work` `total` times, `flight` at once.
 *
 * @returns calls a second
 */
async function rate (total: number, flight: number, work: () => Promise<unknown>): Promise<number> {
  const since = performance.now()
  let begun = 0
  await Promise.all(
    Array.from({ length: flight }, async () => {
      while (begun++ < total) await work()
    })
  )
  return (total / (performance.now() - since)) * 1000
}

const line = (name: string, figure: string, ratio = ''): void => {
  console.log(`${name.padEnd(44)}${figure.padStart(14)}  ${ratio}`)
}
const perSecond = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`
const percent = (value: number, of: number, what: string): string =>
  `${Math.round((value / of) * 100)} % of ${what}`

/**
 * Bare lmdb: stores the same documents, each with an entry for its _id, in durable commits of the same size.
 */
const bare = open<Buffer, Buffer>({ path: join(dir, 'bare.mdb'), keyEncoding: 'binary', encoding: 'binary' })
async function bareCommit (size: number): Promise<void> {
  const docs = Array.from({ length: size }, newMessage)
  await bare.transaction(() => {
    for (const doc of docs) {
      const number = Buffer.alloc(7)
      number.writeUIntBE(made++, 1, 6)
      bare.putSync(number, Buffer.from(BSON.serialize(doc)))
      bare.putSync(Buffer.concat([Buffer.from([1]), doc._id.id]), number.subarray(1))
    }
  })
  await bare.flushed
}

/**
 * Alternates the measures, so that a busy machine or disk slows all of them.
 *
 * @returns the median of what each does in a second
 */
async function beside (rounds: number, ...measures: Array<() => Promise<number>>): Promise<number[]> {
  const results = measures.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, measure] of measures.entries()) results[i]?.push(await measure())
  }
  return results.map(list => list.sort((a, b) => a - b)[Math.floor(rounds / 2)] as number)
}

async function inserts (plain: Collection<Message>, ping: () => Promise<unknown>): Promise<void> {
  for (const flight of [1, 16, 64]) {
    const [ours = 0, theirs = 0, pings = 0] = await beside(
      7,
      async () => await rate(flight * 30, flight, async () => await plain.insertOne(newMessage())),
      async () =>
        flight *
        (await rate(30, 1, async () => {
          await bareCommit(flight)
        })),
      async () => await rate(flight * 30, flight, ping)
    )
    line(
      `insertOne, ${flight} in flight`,
      perSecond(ours),
      `${percent(ours, pings, 'ping')}, ${percent(ours, theirs, `bare lmdb in commits of ${flight}`)}`
    )
  }
  const [ours = 0, theirs = 0] = await beside(
    10,
    async () =>
      BATCH *
      (await rate(5, 1, async () => await plain.insertMany(Array.from({ length: BATCH }, newMessage)))),
    async () =>
      BATCH *
      (await rate(5, 1, async () => {
        await bareCommit(BATCH)
      }))
  )
  line(`insertMany of ${BATCH}`, perSecond(ours), percent(ours, theirs, `bare lmdb in commits of ${BATCH}`))
}

async function reads (
  messages: Collection<Message>, canned: Collection<Message>, ping: () => Promise<unknown>
): Promise<void> {
  const some = await messages
    .find({}, { projection: { _id: 1 } })
    .limit(1000)
    .toArray()
  let i = 0
  for (const flight of [1, 16]) {
    let busy = 0
    const byId = async (collection: Collection<Message>): Promise<number> => {
      const before = performance.eventLoopUtilization()
      const result = await rate(
        600,
        flight,
        async () => await collection.findOne({ _id: some[i++ % some.length]?._id as ObjectId })
      )
      busy = performance.eventLoopUtilization(before).utilization
      return result
    }
    const [nothing = 0, pings = 0, ours = 0] = await beside(
      9,
      async () => await byId(canned),
      async () => await rate(600, flight, ping),
      async () => await byId(messages)
    )
    line(
      `findOne by _id, ${flight} in flight`,
      perSecond(ours),
      `${percent(ours, pings, 'ping')}, ${percent(ours, nothing, 'canned answers')}, ` +
        `the driver's thread ${Math.round(busy * 100)} % busy`
    )
    line('  the driver alone: findOne, canned answers', perSecond(nothing), percent(nothing, pings, 'ping'))
  }
}

async function pages (messages: Collection<Message>): Promise<void> {
  const conversations = Math.max(1, Math.floor(MESSAGES / PER_CONVERSATION))
  const times: number[] = []
  for (let n = 0; n < 500; n++) {
    const since = performance.now()
    const page = await messages
      .find({ conversation: `c${(n * 7919) % conversations}`, seq: { $lt: 900 } })
      .sort({ seq: -1 })
      .limit(PAGE)
      .toArray()
    if (page.length !== PAGE) throw new Error(`a page of ${page.length}`)
    times.push(performance.now() - since)
  }
  times.sort((a, b) => a - b)
  line(
    `page of ${PAGE}, median and 99th percentile`,
    `${times[250]?.toFixed(2)} ms`,
    `${times[495]?.toFixed(2)} ms`
  )
}

/** Measures the slowest point read during a scan without an index. */
async function scanBesideReads (messages: Collection<Message>): Promise<void> {
  const one = await messages.findOne({})
  let scanning = true
  const scan = messages
    .countDocuments({ message: 'not there', seq: { $gte: 0 } }, { limit: 100_000 })
    .finally(() => {
      scanning = false
    })
  let worst = 0
  for (let done = false; !done; done = !scanning) {
    const since = performance.now()
    await messages.findOne({ _id: one?._id as ObjectId })
    worst = Math.max(worst, performance.now() - since)
  }
  await scan
  line('slowest point read beside a scan', `${worst.toFixed(1)} ms`)
}

let server = await start(CLI, join(dir, 'data'))
try {
  const client = await MongoClient.connect(server.url)
  const db = client.db('bench')
  await rate(500, 1, async () => await db.command({ ping: 1 }))
  await inserts(db.collection('plain'), async () => await db.command({ ping: 1 }))
  const messages = db.collection<Message>('messages')
  await messages.createIndexes([
    { key: { conversation: 1, seq: 1 }, unique: true },
    { key: { conversation: 1, sender: 1, clientId: 1 }, unique: true }
  ])
  made = 0
  const filled = await rate(
    MESSAGES / BATCH,
    2,
    async () => await messages.insertMany(Array.from({ length: BATCH }, newMessage))
  )
  line(`filling with ${MESSAGES.toLocaleString('en')} messages, 3 indexes`, perSecond(filled * BATCH))
  await client.close()
  await server.stop()
  server = await start(CLI, join(dir, 'data'))
  line('open, until the first answer', `${Math.round(server.ms)} ms`, 'of which starting Node is most')
  const again = await MongoClient.connect(server.url)
  const canned = await start(...process.execArgv, CANNED, join(dir, 'canned.sock'))
  const nobody = await MongoClient.connect(canned.url)
  await reads(
    again.db('bench').collection('messages'),
    nobody.db('bench').collection('messages'),
    async () => await again.db('bench').command({ ping: 1 })
  )
  await nobody.close()
  await canned.stop()
  await pages(again.db('bench').collection('messages'))
  await scanBesideReads(again.db('bench').collection('messages'))
  line('anonymous memory of the server', anonymousMiB(server.pid))
  await again.close()
} finally {
  await server.stop()
  await bare.close()
  rmSync(dir, { recursive: true })
}
