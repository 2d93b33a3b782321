/** Honest people: they write to each other at a steady rate, and the server's answers are timed. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { ChatClient, conversationOf, type Message } from 'chat-app-client'
import { sentKey, type Device } from '../chat-log.js'
import { register, type Account } from './accounts.js'
import { Caller } from './caller.js'
import { Figures, MEASURED } from './figures.js'
import { PatientCaller } from './patient-caller.js'
import { Habits } from './habits.js'
import { reset, tracked } from '../tracked-sockets.js'

const PEOPLE = 20
/** Of them, those whose sockets are never cut. Times are measured between these only. */
const STEADY = 10
const PAIRS = 50
/** Every so manieth person has two devices. */
const TWO_DEVICES = 5
const HTTP_SHARE = 0.3

/** Messages a second of all together: a busy team. */
const SEND_MS = 1000 / 40
const LOGIN_MS = 1_000
const HISTORY_MS = 500
const INBOX_MS = 1_000
const CUT_MS = 1_000

const CONNECT_MS = 60_000

/** Something that is measured and not over yet. */
interface Expected {
  name: string
  since: number
  figures: Figures
}

export class HonestClients {
  readonly people: Account[] = []
  readonly devices: Device[] = []
  /** every text by its `sentKey` */
  readonly sent = new Map<string, string>()
  readonly acked: Message[] = []
  /** what must not happen to an honest client */
  readonly faults: string[] = []
  /** where times go; each phase has its own */
  figures = new Figures()

  readonly #http: PatientCaller
  readonly #pairs: { members: [Account, Account]; measured: boolean }[] = []
  readonly #cuttable = new Set<WebSocket>()
  /** deliveries by clientId, and where each must arrive */
  readonly #deliveries = new Map<string, Expected & { reciver: string }>()
  readonly #answers = new Set<Expected>()
  readonly #habits = new Habits(error => {
    this.faults.push(String(error))
  })

  constructor (
    readonly origin: string,
    readonly random: () => number
  ) {
    this.#http = new PatientCaller(new Caller(origin, '127.0.0.1'))
  }

  /** How often the server asked for patience, or did not answer. */
  get refusals (): ReadonlyMap<string, number> {
    return this.#http.refusals
  }

  async register (): Promise<void> {
    for (let n = 0; n < PEOPLE; n++) this.people.push(await register(this.#http.caller, `honest${n}`))
    const [steady, others] = [this.people.slice(0, STEADY), this.people.slice(STEADY)]
    for (let n = 0; n < PAIRS; n++) {
      const measured = n % 2 === 0
      const [a, b] = [this.#pick(measured ? steady : this.people), this.#pick(measured ? steady : others)]
      this.#pairs.push({ members: [a, b], measured: measured && a !== b })
    }
  }

  /** Connects all devices; resolves when each has what there is. */
  async connect (): Promise<void> {
    const synced = this.people.flatMap((person, n) => {
      const count = n % TWO_DEVICES === 0 ? 2 : 1
      return Array.from({ length: count }, () => this.#connect(person, n >= STEADY))
    })
    const late = delay(CONNECT_MS, undefined, { ref: false }).then(() => {
      throw new Error('honest clients do not get in')
    })
    await Promise.race([Promise.all(synced), late])
  }

  /** Begins to write, to read, to log in, and to be cut off. */
  start (): void {
    this.#habits.start([
      { everyMs: SEND_MS, work: () => this.#send() },
      { everyMs: LOGIN_MS, work: () => this.#logIn() },
      { everyMs: HISTORY_MS, work: () => this.#readHistory() },
      { everyMs: INBOX_MS, work: () => this.#readInbox() },
      { everyMs: CUT_MS, work: async () => this.#cut() }
    ])
  }

  /**
   * Ends that. What still has no answer after so many milliseconds counts with the time that it has waited.
   * @returns how much that is
   */
  async stop (ms: number): Promise<number> {
    this.#habits.stop()
    await Promise.race([this.#habits.ended(), delay(ms, undefined, { ref: false })])
    for (const expected of [...this.#deliveries.values(), ...this.#answers]) this.#over(expected)
    this.#deliveries.clear()
    this.#answers.clear()
    return this.#habits.underWay
  }

  close (): void {
    this.#habits.stop()
    for (const { client } of this.devices) client.close()
    this.#http.caller.close()
  }

  /** The other members of all conversations that a person has. */
  async conversationsOf (person: Account): Promise<string[]> {
    const others: string[] = []
    let after = ''
    do {
      const options = { token: person.token, whole: true }
      const { text } = await this.#http.insist('GET', `/api/v1/conversations${after}`, options)
      const { data, next } = JSON.parse(text)
      for (const { user } of data) others.push(user._id)
      after = next === undefined ? '' : `?after=${next}`
    } while (after !== '')
    return others
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!
  }

  async #connect (person: Account, cuttable: boolean): Promise<void> {
    const Chosen = cuttable ? tracked(this.#cuttable) : WebSocket
    const { origin: url } = this
    const { token } = person
    const client = new ChatClient({ url, token, WebSocket: Chosen, have: {}, queueLimit: 100_000 })
    const device: Device = { client, person, log: [] }
    this.devices.push(device)
    client.on('message', message => {
      this.#arrived(device, message)
    })
    client.on('state', ({ state, code, reason }) => {
      if (state === 'stopped') this.faults.push(`${person.username} was stopped: ${code} ${reason}`)
    })
    client.watch(this.people.map(({ id }) => id))
    const synced = new Promise<void>(resolve => {
      client.on('synced', () => {
        resolve()
      })
    })
    client.connect()
    await synced
  }

  #arrived ({ person, log, client }: Device, message: Message): void {
    log.push(message)
    const { clientId = '', reciver, conversation, seq } = message
    if (reciver === person.id) client.read(conversation, seq)
    const delivery = this.#deliveries.get(clientId)
    if (delivery === undefined || delivery.reciver !== person.id) return
    this.#deliveries.delete(clientId)
    this.#over(delivery)
  }

  #over ({ name, since, figures }: Expected): void {
    figures.add(name, performance.now() - since)
  }

  /** Measures how long something takes, in the phase in which it began. */
  async #measure<T>(name: string, work: () => Promise<T>): Promise<T> {
    const expected: Expected = { name, since: performance.now(), figures: this.figures }
    this.#answers.add(expected)
    const result = await work()
    if (this.#answers.delete(expected)) this.#over(expected)
    return result
  }

  async #send (): Promise<void> {
    const { members, measured } = this.#pick(this.#pairs)
    const [from, to] = this.random() < 0.5 ? members : [members[1], members[0]]
    const clientId = randomUUID()
    const message = `${this.sent.size} 👋🏽 `.repeat(1 + Math.floor(this.random() * 20)).trim()
    this.sent.set(sentKey(conversationOf(from.id, to.id), clientId), message)
    const http = this.random() < HTTP_SHARE
    const send = async (): Promise<Message> => {
      if (http) return await this.#sendByHttp(from, to, message, clientId)
      return await this.#sendBySocket(from, to, message, clientId)
    }
    if (measured) {
      const [since, { figures }] = [performance.now(), this]
      this.#deliveries.set(clientId, { name: MEASURED.delivery, since, figures, reciver: to.id })
      this.acked.push(await this.#measure(http ? MEASURED.httpAck : MEASURED.socketAck, send))
    } else {
      this.acked.push(await send())
    }
  }

  async #sendBySocket (from: Account, to: Account, message: string, clientId: string): Promise<Message> {
    const { client } = this.devices.find(({ person }) => person === from)!
    client.typing(to.id)
    return await client.send(to.id, message, { clientId })
  }

  async #sendByHttp (from: Account, to: Account, message: string, clientId: string): Promise<Message> {
    const body = { sender: from.id, reciver: to.id, message, clientId }
    const options = { token: from.token, body, whole: true }
    const { text } = await this.#http.insist('POST', '/api/v1/addmsg', options)
    return JSON.parse(text).data
  }

  async #logIn (): Promise<void> {
    const { username, password } = this.#pick(this.people)
    const options = { body: { username, password }, whole: true }
    const logIn = () => this.#http.insist('POST', '/api/v1/user/login', options)
    const { text } = await this.#measure(MEASURED.login, logIn)
    // Or the oldest session would end at the hundredth.
    await this.#http.insist('POST', '/api/v1/user/logout', { token: JSON.parse(text).token })
  }

  async #readHistory (): Promise<void> {
    const {
      members: [a, b]
    } = this.#pick(this.#pairs)
    const path = `/api/v1/getallmessages?sender=${a.id}&reciver=${b.id}&limit=50`
    await this.#measure(MEASURED.history, () => this.#http.insist('GET', path, { token: a.token }))
  }

  async #readInbox (): Promise<void> {
    await this.#http.insist('GET', '/api/v1/conversations', { token: this.#pick(this.people).token })
  }

  #cut (): void {
    reset(this.#pick([...this.#cuttable]))
  }
}
