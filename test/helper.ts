/**
 * What the tests share: a ready application on its own database, people who are registered in it,
 * and sockets.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { hash } from '@node-rs/argon2'
import type { Test } from 'tap'
import { WebSocket, type ClientOptions } from 'ws'
import { buildApp, type App } from '../src/app.js'
import { loadConfig, type Config } from '../src/config.js'
import type { Message, ServerFrame } from 'chat-protocol'
import { usernameKey, usernameSkeleton } from '../src/accounts/names.js'
import { PARAMETERS } from '../src/accounts/passwords.js'
import { mongodb } from '../src/database/driver.js'
import { databaseUrl, dropDatabase } from './databases.js'
import { newMessage } from '../src/chat/log/entries.js'
import { sentMessage } from '../src/chat/messages.js'
import type { MessageDocument } from '../src/database/documents.js'

export { databaseUrl }

/** Limits by rate are off unless the test is about them. */
const TEST_CONFIG = loadConfig({
  NODE_ENV: 'test',
  LOG_LEVEL: process.env.TEST_LOG ?? 'silent',
  PORT: '0',
  HOST: '127.0.0.1',
  REGISTER_LIMIT: '0',
  LOGIN_LIMIT: '0',
  HTTP_RATE: '0',
  FRAME_RATE: '0',
  MAX_LOOP_DELAY_MS: '0'
})

/** The configuration of the tests. */
export function testConfig (changes: Partial<Config> = {}): Config {
  return { ...TEST_CONFIG, ...changes }
}

/** A ready application on a database of its own, torn down with the test. */
export async function build (t: Test, changes: Partial<Config> = {}): Promise<App> {
  const config = testConfig({ MONGODB_URL: await databaseUrl(), ...changes })
  const app = await buildApp(config)
  t.teardown(async () => {
    await app.close()
    await dropDatabase(config.MONGODB_URL)
  })
  return app
}

/** The application, listening on a free port of the loopback interface. */
export async function listen (t: Test, changes: Partial<Config> = {}): Promise<{ app: App; origin: string }> {
  const app = await build(t, changes)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, origin: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` }
}

export interface Person {
  id: string
  username: string
  password: string
  token: string
  headers: { authorization: string }
}

/** The password of everybody. */
const PASSWORD = 'correct horse battery'
/** Its hash takes longer than the rest of a registration. */
let passwordHash: Promise<string> | undefined

/** Inserts somebody new with a session, as a registration does, but without hashing a password again. */
export async function register (
  app: App,
  username = `user${randomBytes(6).toString('hex')}`
): Promise<Person> {
  const _id = new mongodb.ObjectId()
  const email = `${randomBytes(8).toString('hex')}@example.org`
  const keys = { usernameKey: usernameKey(username), emailKey: email, skeleton: usernameSkeleton(username) }
  passwordHash ??= hash(PASSWORD, PARAMETERS)
  const password = await passwordHash
  const avatar = { avatarImage: '', isAvatarImageSet: false }
  const user = { _id, username, email, ...keys, ...avatar, password, createdAt: new Date() }
  await app.users.insert(user, app.accounts.retired.of(user))
  const token = await app.sessions.create(_id.toHexString(), '')
  const headers = { authorization: `Bearer ${token}` }
  return { id: _id.toHexString(), username, password: PASSWORD, token, headers }
}

/** Registers somebody new over the API: for tests of what a registration writes and remembers. */
export async function registerOverHttp (app: App, username: string): Promise<Person> {
  const email = `${randomBytes(8).toString('hex')}@example.org`
  const response = await app.inject({
    method: 'POST',
    url: '/api/v1/user/register',
    payload: { username, email, password: PASSWORD }
  })
  if (response.statusCode !== 201) throw new Error(`register: ${response.statusCode} ${response.body}`)
  const { data, token } = response.json()
  return { id: data._id, username, password: PASSWORD, token, headers: { authorization: `Bearer ${token}` } }
}

/** Stores a message as a send does, without a request. */
export async function append (
  app: App,
  { sender, reciver, ...message }: { sender: string; reciver: string; message: string; clientId?: string }
): Promise<{ message: Message; repeat: boolean }> {
  const entry = newMessage({ conversation: conversationOf(sender, reciver), sender, ...message }, new Date())
  const appended = await app.conversationLog.append(entry)
  return { message: sentMessage(appended.entry as MessageDocument), repeat: appended.repeat }
}

/** A message as the log of a conversation that has messages only contains it. */
export function messageDocument (
  sender: string,
  reciver: string,
  message: string,
  seq: number
): MessageDocument {
  const input = { conversation: conversationOf(sender, reciver), sender, message }
  return { ...newMessage(input, new Date()), rev: seq, seq, top: seq }
}

export const conversationOf = (a: string, b: string): string => (a < b ? `${a}:${b}` : `${b}:${a}`)

/** In most tests an ack carries a message. */
type Frame<T extends ServerFrame['type']> = Extract<ServerFrame, { type: T }> &
  (T extends 'ack' ? { message: Message } : unknown)

/** A plain WebSocket client that keeps every frame, and waits for those to come. */
export class Socket {
  readonly frames: ServerFrame[] = []
  readonly #waiting = new Set<() => void>()
  #taken = 0
  closed: { code: number; reason: string } | undefined

  constructor (readonly ws: WebSocket) {
    ws.on('message', data => {
      this.frames.push(JSON.parse(data.toString()))
      this.#wake()
    })
    ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
      this.#wake()
    })
    ws.on('error', () => {})
  }

  #wake (): void {
    for (const check of [...this.#waiting]) check()
  }

  /**
   * Resolves with the first value that `find` gives over the frames that came and those to come;
   * rejects if the socket closes before.
   */
  until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = find()
        if (found === undefined && this.closed === undefined) return
        this.#waiting.delete(check)
        if (found !== undefined) resolve(found)
        else reject(new Error(`the socket closed with ${this.closed!.code} ${this.closed!.reason}`))
      }
      this.#waiting.add(check)
      check()
    })
  }

  /** The next frame of a type after the last one that `next` gave; those between are passed over. */
  next<T extends ServerFrame['type']>(type: T): Promise<Frame<T>> {
    return this.until(() => {
      const at = this.frames.findIndex((frame, index) => index >= this.#taken && frame.type === type)
      if (at === -1) return undefined
      this.#taken = at + 1
      return this.frames[at] as Frame<T>
    })
  }

  /** All frames of a type until now. */
  all<T extends ServerFrame['type']>(type: T): Frame<T>[] {
    return this.frames.filter((frame): frame is Frame<T> => frame.type === type)
  }

  send (frame: object | string): void {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  /** Sends a text and gives its ack. */
  async say (reciver: string, message: string, clientId: string = randomUUID()): Promise<Frame<'ack'>> {
    this.send({ type: 'send', clientId, reciver, message })
    return await this.until(() => this.all('ack').find(frame => frame.clientId === clientId))
  }

  /**
   * A ping's pong came back: all that was sent before has been handled, in so far as frames are
   * handled at once.
   */
  async roundTrip (): Promise<void> {
    const before = this.all('pong').length
    this.send({ type: 'ping' })
    await this.until(() => this.all('pong').length > before || undefined)
  }

  async close (): Promise<void> {
    if (this.closed !== undefined) return
    this.ws.close()
    await this.untilClosed()
  }

  async untilClosed (): Promise<{ code: number; reason: string }> {
    if (this.closed === undefined) await once(this.ws, 'close')
    return this.closed!
  }
}

/** Opens a socket and waits for its hello. */
export async function connect (
  t: Test,
  origin: string,
  person: Pick<Person, 'token'>,
  options: ClientOptions = {}
): Promise<Socket> {
  const socket = new Socket(
    new WebSocket(`${origin.replace('http', 'ws')}/ws`, {
      ...options,
      headers: { authorization: `Bearer ${person.token}`, ...options.headers }
    })
  )
  t.teardown(() => socket.ws.terminate())
  await socket.next('hello')
  return socket
}
