/**
 * A proxy in front of the database that can fail as a replica set, a network or a server fails: answers that
 * never come, connections that are cut or refused, and a majority of the replica set that lags behind its
 * primary. It speaks MongoDB's wire protocol (MongoDB manual, "Wire Protocol", OP_MSG without checksum), so
 * that the driver makes its own errors.
 */
import { EventEmitter } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { deserialize, serialize, type Document, type ObjectId } from 'bson'
import type { Test } from 'tap'
import { OP_MSG, SECTIONS_AT, splitMessages } from './wire-messages.js'

/**
 * What a server answers when the write concern was not met in time (MongoDB's error codes:
 * WriteConcernTimeout).
 */
const WRITE_CONCERN_ERROR = { code: 64, errmsg: 'waiting for replication timed out' }

/** The body of an OP_MSG, with the `_id`s of the documents that stand in a sequence beside it. */
function bodyOf (message: Buffer): { body: Document; ids: ObjectId[] } | undefined {
  if (message.readInt32LE(12) !== OP_MSG) return undefined
  let body: Document = {}
  const ids: ObjectId[] = []
  for (let at = SECTIONS_AT; at < message.length;) {
    const kind = message[at++]
    const size = message.readInt32LE(at)
    if (kind === 0) body = deserialize(message.subarray(at, at + size), { promoteLongs: false })
    else {
      for (let from = message.indexOf(0, at + 4) + 1; from < at + size; from += message.readInt32LE(from)) {
        ids.push(deserialize(message.subarray(from, from + message.readInt32LE(from)))._id)
      }
    }
    at += size
  }
  return { body, ids }
}

/** The same message with another body; for messages without document sequences. */
function withBody (message: Buffer, body: Document): Buffer {
  const bytes = Buffer.concat([message.subarray(0, SECTIONS_AT), Buffer.from([0]), serialize(body)])
  bytes.writeInt32LE(bytes.length, 0)
  return bytes
}

/** Emits `command` with the body of each command, when it arrives. */
export class FaultProxy extends EventEmitter {
  /**
   * Names of commands whose answers never come, until the connections are cut. The database carries them out.
   */
  readonly unanswered = new Set<string>()
  /** Names of commands that never reach the database, until the connections are cut. */
  readonly unheard = new Set<string>()
  /** Changes answers before they are sent on. */
  alter: (command: Document, reply: Document) => Document | undefined = () => undefined
  url = ''

  readonly #sockets = new Set<Socket>()
  /** Those of them on which more than `hello` was asked. */
  readonly #working = new Set<Socket>()
  readonly #upstream: string
  #server: Server | undefined
  #port = 0
  #lagging = false
  /** `_id`s of messages that the primary has and a majority has not */
  #hidden: ObjectId[] = []

  constructor (url: string) {
    super()
    this.#upstream = decodeURIComponent(/^mongodb:\/\/([^/]+)/.exec(url)![1]!)
  }

  static async start (t: Test, url: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(url)
    await proxy.accept()
    const address = url.replace(/^mongodb:\/\/[^/]+/, `mongodb://127.0.0.1:${proxy.#port}`)
    // A member of a replica set tells its own address: the driver must not go there.
    const direct = `${address.includes('?') ? '&' : '?'}directConnection=true`
    proxy.url = address.includes('directConnection') ? address : address + direct
    t.teardown(() => {
      proxy.refuse()
    })
    return proxy
  }

  /** Resolves at the next command of a name, when the proxy has it. */
  async next (name: string): Promise<Document> {
    return await new Promise(resolve => {
      const see = (command: Document) => {
        if (Object.keys(command)[0] !== name) return
        this.off('command', see)
        resolve(command)
      }
      this.on('command', see)
    })
  }

  /** Takes connections, again. */
  async accept (): Promise<void> {
    this.#server = createServer(client => {
      this.#join(client)
    })
    await new Promise<void>(resolve => {
      this.#server!.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /**
   * Cuts the connections that commands came on. That of the driver's monitor stays: where it is cut in the
   * turn in which the driver checks it, the driver waits for its `drain` for ever and finds the server never
   * again (seen with mongodb 7.9.0).
   */
  cut (): void {
    for (const socket of this.#working) socket.destroy()
  }

  /** Nobody listens any more, and what was open is cut. */
  refuse (): void {
    this.#server?.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** From here on writes reach the primary alone. */
  lag (): void {
    this.#lagging = true
  }

  /** A majority has all that the primary has. */
  catchUp (): void {
    this.#lagging = false
    this.#hidden = []
  }

  /** A message that another process wrote to the primary, and that a majority has not got. */
  hide (id: ObjectId): void {
    this.#hidden.push(id)
  }

  #join (client: Socket): void {
    const [host, port] = this.#upstream.split(':')
    const server = this.#upstream.endsWith('.sock') ? connect(this.#upstream) : connect(Number(port), host)
    for (const [from, to] of [
      [client, server],
      [server, client]
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        this.#working.delete(from)
        to.destroy()
      })
    }
    const asked = new Map<number, { command: Document; ids: ObjectId[] }>()
    client.on(
      'data',
      splitMessages(message => {
        const request = this.#request(message, asked)
        if (request !== undefined) server.write(request)
        if (asked.size > 0) this.#working.add(client)
      })
    )
    server.on(
      'data',
      splitMessages(message => {
        const reply = this.#reply(message, asked)
        if (reply !== undefined) client.write(reply)
      })
    )
  }

  #request (message: Buffer, asked: Map<number, { command: Document; ids: ObjectId[] }>): Buffer | undefined {
    const read = bodyOf(message)
    if (read === undefined) return message
    const { body: command, ids } = read
    if (command.hello !== undefined) return message
    asked.set(message.readInt32LE(4), { command, ids })
    this.emit('command', command)
    if (this.unheard.has(Object.keys(command)[0]!)) return undefined
    const reads = command.find === 'log' && command.readConcern?.level === 'majority'
    if (!reads || this.#hidden.length === 0) return message
    const filter = { $and: [command.filter, { _id: { $nin: this.#hidden } }] }
    return withBody(message, { ...command, filter })
  }

  #reply (message: Buffer, asked: Map<number, { command: Document; ids: ObjectId[] }>): Buffer | undefined {
    const read = bodyOf(message)
    const question = asked.get(message.readInt32LE(8))
    asked.delete(message.readInt32LE(8))
    if (read === undefined || question === undefined) return message
    const { command, ids } = question
    if (this.unanswered.has(Object.keys(command)[0]!)) return undefined
    const altered = this.alter(command, read.body)
    if (altered !== undefined) return withBody(message, altered)
    if (!this.#lagging || command.writeConcern === undefined || read.body.ok !== 1) return message
    // An ordered insert stores the first `n`.
    if (command.insert === 'log') this.#hidden.push(...ids.slice(0, read.body.n))
    return withBody(message, { ...read.body, writeConcernError: WRITE_CONCERN_ERROR })
  }
}
