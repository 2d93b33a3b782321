import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { ChatClient, conversationOf, type Message } from 'chat-app-client'
import { seeded } from '../packages/client/test/world.js'
import {
  differenceOf,
  faultsIn,
  notStored,
  readLog,
  sentKey,
  type Device,
  type Logs,
  type Person
} from './chat-log.js'
import { heldAfter, timers } from './metrics.js'
import { insist, request, type ServerProcess } from './server.js'
import { reset, tracked } from './tracked-sockets.js'

export const LONG = process.env.TEST_LONG === '1'

const SEED = Number(process.env.TEST_SEED ?? (LONG ? Date.now() % 2 ** 31 : 5009))

const UNDER_WAY = 20

/** For the last socket to be cleaned up after. */
const CLEAN_UP_MS = 60_000

export class Storm {
  readonly random = seeded(SEED)
  readonly open = new Set<WebSocket>()
  readonly people: Person[] = []
  readonly devices: Device[] = []
  readonly pairs: [Person, Person][] = []
  /** conversation + clientId -> the text that was sent under it */
  readonly sent = new Map<string, string>()
  readonly acked: Message[] = []
  #timersBefore = 0

  constructor (
    readonly t: Test,
    public server: ServerProcess
  ) {}

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!
  }

  async gather (people: number, conversations: number): Promise<void> {
    this.#timersBefore = await timers(this.server.origin)
    t.comment(`TEST_SEED=${SEED}`)
    const names = Array.from({ length: people }, (_, n) => `user${n}`)
    this.people.push(...(await Promise.all(names.map(name => this.#register(name)))))
    const known = new Set<string>()
    while (known.size < conversations) {
      const [a, b] = [this.pick(this.people), this.pick(this.people)]
      const conversation = conversationOf(a.id, b.id)
      if (!known.has(conversation)) this.pairs.push([a, b])
      known.add(conversation)
    }
    for (const [n, person] of this.people.entries()) {
      for (let devices = n % 5 === 0 ? 2 : 1; devices > 0; devices--) this.#addDevice(person)
    }
  }

  async #register (username: string): Promise<Person> {
    const account = { username, email: `${username}@example.org`, password: 'correct horse' }
    const { body } = await request(this.server.origin, 'POST', '/api/v1/user/register', { body: account })
    return { id: body.data._id, token: body.token }
  }

  #addDevice (person: Person): void {
    const client = new ChatClient({
      url: this.server.origin,
      token: person.token,
      WebSocket: tracked(this.open),
      have: {},
      queueLimit: 100_000,
      backoff: { baseMs: 20, ceilingMs: 500 }
    })
    this.t.teardown(() => {
      client.close()
    })
    const device = { client, person, log: [] as Message[] }
    client.on('message', message => {
      device.log.push(message)
    })
    this.devices.push(device)
    client.connect()
  }

  cutOne (): void {
    reset(this.pick([...this.open]))
  }

  /** Sends by HTTP until there is an answer, as a client does: with the same clientId. */
  async #byHttp (from: Person, to: Person, message: string, clientId: string): Promise<Message> {
    const body = { message, sender: from.id, reciver: to.id, clientId }
    const origin = () => this.server.origin
    const answer = await insist(origin, 'POST', '/api/v1/addmsg', { token: from.token, body })
    if (answer.status === 201) return answer.body.data
    throw new Error(`addmsg: ${answer.status} ${JSON.stringify(answer.body)}`)
  }

  /** Sends `count` messages, UNDER_WAY at a time from each device; `each` is told after every one. */
  async rage (count: number, each: (done: number) => void): Promise<void> {
    let begun = 0
    const sender = async (device: Device): Promise<void> => {
      while (begun < count) {
        begun++
        const [a, b] = this.pick(this.pairs)
        const http = this.random() < 0.2
        const from = http ? this.pick([a, b]) : device.person
        const to = http ? (from === a ? b : a) : this.#partner(device.person)
        const clientId = randomUUID()
        const text = `message ${begun} 👋🏽`
        this.sent.set(sentKey(conversationOf(from.id, to.id), clientId), text)
        this.acked.push(
          http
            ? await this.#byHttp(from, to, text, clientId)
            : await device.client.send(to.id, text, { clientId })
        )
        each(this.acked.length)
      }
    }
    await Promise.all(this.devices.flatMap(device => Array.from({ length: UNDER_WAY }, () => sender(device))))
  }

  /** Somebody with whom this person has one of the conversations; itself where there is none. */
  #partner (person: Person): Person {
    const own = this.pairs.filter(pair => pair.includes(person))
    if (own.length === 0) return person
    const [a, b] = this.pick(own)
    return a === person ? b : a
  }

  /**
   * The exact invariants: 0 gaps, 0 duplicates, 0 out of order, every acknowledged message with its
   * number, every clientId once.
   */
  async verify (): Promise<void> {
    const { origin } = this.server
    const all: Logs = new Map()
    const everyone = [...this.pairs, ...this.people.map((person): [Person, Person] => [person, person])]
    for (const [a, b] of everyone) {
      const log = await readLog(origin, a, b.id)
      if (log.length > 0) all.set(conversationOf(a.id, b.id), log)
    }
    const stored = [...all.values()].flat()
    this.t.equal(stored.length, this.sent.size, 'as many are stored as were sent')
    this.t.same(faultsIn(all, this.sent), [], 'gapless, each text under its clientId, no clientId twice')
    this.t.same(notStored(all, this.acked), [], 'each was acknowledged with its number')
    const lost: object[] = []
    for (const device of this.devices) {
      const difference = await differenceOf(device, all)
      if (difference !== undefined) lost.push(difference)
    }
    const devices = `${this.devices.length} devices equal the database`
    this.t.same(lost, [], `${devices}: ${stored.length} messages in ${all.size} conversations`)
  }

  /**
   * After the storm no socket, timer, map entry, cursor or queue is left: asked of the process's
   * own gauges.
   */
  async nothingLeft (): Promise<void> {
    const closed = Promise.all([...this.open].map(async socket => await once(socket, 'close')))
    for (const { client } of this.devices) client.close()
    await closed
    this.t.same(await heldAfter(this.server.origin, CLEAN_UP_MS), {}, 'nothing is held for anybody')
    const { origin } = this.server
    for (let now = await timers(origin); now > this.#timersBefore;) now = await timers(origin)
    this.t.pass('no timer is left')
  }
}
