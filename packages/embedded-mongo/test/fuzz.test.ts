// Hostile bytes: the server closes the connection or answers with an error, and serves all other connections.
import { connect, type Socket } from 'node:net'
import { deserialize, type Document } from 'bson'
import { MongoClient } from 'mongodb'
import { t as tap, test } from 'tap'
import { scratch, startProcess } from './helper.js'
import { hostileMessages, message, type Hostile } from './hostile.js'
import { LONG, pickSeed, random } from './seed.js'

// It takes a minute on a quiet machine, and several times as long on a busy one.
tap.setTimeout(400_000)

const MESSAGES = LONG ? 100_000 : 5_000
const LANES = 32
// How much memory the attackers may cost the server, however many messages they send: buffers, pages of the
// data that they stored, garbage.
const MEMORY_LIMIT = 200 * 2 ** 20
const PATIENCE_MS = 20_000

/** A hostile client. It connects again whenever the server closes its connection. */
class Attacker {
  #socket: Socket | undefined
  #received = Buffer.alloc(0)
  #wake = () => {}
  #nextId = 1
  readonly #path: string
  constructor (path: string) {
    this.#path = path
  }

  #open (): Socket {
    const socket = connect(this.#path)
    this.#received = Buffer.alloc(0)
    socket.on('data', bytes => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
      this.#wake()
    })
    return socket
  }

  /**
   * Sends a message and a ping, and waits until the ping is answered or the connection is closed.
   *
   * @returns the answers before that to the ping
   */
  async send ({ bytes, unfinished }: Hostile): Promise<{ closed: boolean; answers: Document[] }> {
    const socket = (this.#socket ??= this.#open())
    const id = ++this.#nextId
    socket.write(bytes)
    if (unfinished) socket.end()
    else socket.write(message({ ping: 1, $db: 'admin' }, id))
    const answers: Document[] = []
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), PATIENCE_MS)
    const started = Date.now()
    for (;;) {
      for (let answer = this.#take(); answer; answer = this.#take()) {
        if (answer.to === id) {
          clearTimeout(timer)
          return { closed: false, answers }
        }
        answers.push(answer.body)
      }
      if (this.#socket !== socket) break
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    clearTimeout(timer)
    if (Date.now() - started >= PATIENCE_MS) {
      throw new Error(`neither answered nor closed: ${bytes.toString('hex').slice(0, 2000)}`)
    }
    return { closed: true, answers }
  }

  /** The next complete message: OP_MSG, with its document at 21, or OP_REPLY, with it at 36. */
  #take (): { to: number; body: Document } | undefined {
    if (this.#received.length < 16) return
    const length = this.#received.readInt32LE(0)
    if (this.#received.length < length) return
    const at = this.#received.readInt32LE(12) === 1 ? 36 : 21
    const body = deserialize(this.#received.subarray(at, length))
    const answer = { to: this.#received.readInt32LE(8), body }
    this.#received = this.#received.subarray(length)
    return answer
  }

  close (): void {
    this.#socket?.destroy()
  }
}

const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
const seed = pickSeed()

/** @throws Error for an answer that a hostile message must not get */
function resultOf (hostile: Hostile, closed: boolean, answers: Document[]): 'refused' | 'closed' | 'obeyed' {
  const shown = hostile.bytes.toString('hex').slice(0, 2000)
  // InternalError means an unexpected exception.
  if (answers.some(answer => answer.code === 1)) throw new Error(`${JSON.stringify(answers)} to ${shown}`)
  if (answers.some(answer => answer.ok === 0 || answer.writeErrors)) return 'refused'
  if (closed) return 'closed'
  if (hostile.expect === 'any') return 'obeyed'
  throw new Error(`obeyed ${hostile.kind}: ${shown} with ${JSON.stringify(answers)}`)
}

test(`${MESSAGES} hostile messages get errors or closed connections (seed ${seed})`, async t => {
  const server = await startProcess(t, await scratch(t), 'noSync')
  const client = new MongoClient(server.url)
  t.teardown(() => client.close())
  const bystanders = client.db('bystander').collection<{ _id: number }>('items')
  await bystanders.insertOne({ _id: 1 })

  const before = await server.rss()
  const next = hostileMessages(random(seed))
  const outcomes = new Map<string, { closed: number; refused: number; obeyed: number }>()
  const attackers = Array.from({ length: LANES }, () => new Attacker(server.socketPath))
  let [sent, peak, bystanderReads] = [0, 0, 0]
  await Promise.all(
    attackers.map(async attacker => {
      while (sent < MESSAGES) {
        const number = ++sent
        const hostile = next()
        const { closed, answers } = await attacker.send(hostile)
        const outcome = outcomes.get(hostile.kind) ?? { closed: 0, refused: 0, obeyed: 0 }
        outcomes.set(hostile.kind, outcome)
        outcome[resultOf(hostile, closed, answers)]++
        if (number % 1000 === 0) {
          if (await bystanders.findOne({ _id: 1 })) bystanderReads++
          peak = Math.max(peak, await server.rss())
        }
      }
    })
  )
  for (const attacker of attackers) attacker.close()
  t.comment(JSON.stringify(Object.fromEntries(outcomes)))
  t.equal(bystanderReads, MESSAGES / 1000, 'an ordinary connection is served all the time')
  t.equal(server.child.exitCode, null, 'the process runs')
  t.ok(peak - before < MEMORY_LIMIT, `its memory grows by ${mebibytes(peak - before)} at most`)
  t.match(
    await client.db('fuzz').command({ validate: 'items' }),
    { valid: true },
    'what they stored is consistent'
  )
})

test('announced lengths reserve no memory, and stalled connections delay nobody', async t => {
  const server = await startProcess(t, await scratch(t), 'noSync')
  const client = new MongoClient(server.url)
  t.teardown(() => client.close())
  const before = await server.rss()
  const header = message({ ping: 1, $db: 'admin' })
  header.writeInt32LE(47_000_000, 0)
  const stalled = await Promise.all(
    Array.from(
      { length: 200 },
      () =>
        new Promise<Socket>(resolve => {
          const socket = connect(server.socketPath, () => socket.write(header, () => resolve(socket)))
        })
    )
  )
  t.teardown(() => stalled.forEach(socket => socket.destroy()))
  t.same(await client.db('admin').command({ ping: 1 }), { ok: 1 })
  // 200 x 47 MB would be 9 GB.
  const grown = (await server.rss()) - before
  t.ok(grown < 100 * 2 ** 20, `${mebibytes(grown)} for them all`)
})

test('abandoned cursors do not keep their results in memory', async t => {
  const server = await startProcess(t, await scratch(t), 'noSync')
  const client = new MongoClient(server.url)
  t.teardown(() => client.close())
  const db = client.db('test')
  await db.collection('items').insertMany(Array.from({ length: 5_000 }, () => ({ text: 'x'.repeat(2_000) })))
  const before = await server.rss()
  const cursors = new Set<string>()
  for (let i = 0; i < 500; i++) {
    cursors.add(String((await db.command({ find: 'items', batchSize: 1 })).cursor.id))
  }
  t.ok(cursors.size === 500 && !cursors.has('0'), 'they are open')
  // Each result is 10 MB: 5 GB if they were kept.
  const grown = (await server.rss()) - before
  t.ok(grown < 100 * 2 ** 20, `${mebibytes(grown)} for them all`)
})
