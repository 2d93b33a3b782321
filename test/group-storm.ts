/** What people do in groups and direct conversations while sockets are cut and the server is killed. */
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { ChatClient, ChatError, conversationOf, type Answer, type Entry, type Message } from 'chat-app-client'
import { seeded } from '../packages/client/test/world.js'
import type { Person } from './chat-log.js'
import type { EntryDevice, Room } from './entry-log.js'
import { Hearing } from './hearing.js'
import { insist, type ServerProcess } from './server.js'
import { changeMembers, type LiveRoom, type Role } from './storm-members.js'
import { reset, tracked } from './tracked-sockets.js'

const SMALLEST = 3
/** Actions of a device at a time. */
const UNDER_WAY = 4
const EMOJI = ['👍', '❤️', '😂']
/** Refusals that a change may meet: the person or the message is gone meanwhile. */
const GONE = new Set([403, 404, 409])
const GONE_CODES = new Set(['forbidden', 'not_found', 'conflict'])

export interface StormSize {
  people: number
  groups: number
  /** members of the largest group */
  largest: number
  pairs: number
  actions: number
}

/** A reaction of a person: what was acknowledged last; unknown after a refusal. */
interface Reaction {
  room: LiveRoom
  person: Person
  seq: number
  emoji: string
  on?: boolean
  busy: boolean
}

export class GroupStorm {
  readonly random: () => number
  readonly open = new Set<WebSocket>()
  readonly people: Person[] = []
  readonly devices: EntryDevice[] = []
  readonly rooms: LiveRoom[] = []
  /** clientId -> the text of a message or edit */
  readonly texts = new Map<string, string>()
  readonly acked: { room: LiveRoom; answer: Answer }[] = []
  readonly edited: { room: LiveRoom; seq: number; text: string }[] = []
  readonly deleted: { room: LiveRoom; seq: number }[] = []
  readonly reactions = new Map<string, Reaction>()

  constructor (
    readonly t: Test,
    public server: ServerProcess,
    readonly size: StormSize,
    seed: number
  ) {
    this.random = seeded(seed)
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!
  }

  /** Asks until there is an answer. */
  async ask (who: Person | undefined, method: string, path: string, body?: object) {
    return await insist(() => this.server.origin, method, `/api/v1${path}`, { token: who?.token, body })
  }

  async gather (): Promise<void> {
    for (let n = 0; n < this.size.people; n++) {
      const account = { username: `user${n}`, email: `user${n}@example.org`, password: 'correct horse' }
      const { body } = await this.ask(undefined, 'POST', '/user/register', account)
      this.people.push({ id: body.data._id, token: body.token })
    }
    for (let n = 0; n < this.size.groups; n++) {
      const size = SMALLEST + Math.round(((this.size.largest - SMALLEST) * n) / (this.size.groups - 1))
      await this.addGroup(size, n % 2 === 0 ? 'joined' : 'all')
    }
    const pairs = new Map<string, Person[]>()
    while (pairs.size < this.size.pairs) {
      const both = [this.pick(this.people), this.pick(this.people)]
      if (both[0] !== both[1]) pairs.set(conversationOf(both[0]!.id, both[1]!.id), both)
    }
    for (const [id, first] of pairs) this.addRoom({ id, first })
    this.people.forEach((person, n) => {
      for (let devices = n % 5 === 0 ? 2 : 1; devices > 0; devices--) this.addDevice(person)
    })
  }

  async addGroup (size: number, history: 'joined' | 'all'): Promise<void> {
    const members = new Set<Person>()
    while (members.size < size) members.add(this.pick(this.people))
    const [owner, ...others] = [...members] as [Person, ...Person[]]
    const body = { name: `group of ${size}`, members: others.map(({ id }) => id), history }
    const { data } = (await this.ask(owner, 'POST', '/groups', body)).body
    this.addRoom({ id: data.id, first: [...members], founder: owner, history })
  }

  addRoom (room: Room): void {
    const members = new Map<Person, Role>(room.first.map(person =>
      [person, person === room.founder ? 'owner' : 'member']))
    this.rooms.push({ ...room, members, messages: [], changing: false })
  }

  addDevice (person: Person): void {
    const backoff = { baseMs: 20, ceilingMs: 500 }
    const { token } = person
    const { origin: url } = this.server
    const WebSocket = tracked(this.open)
    const client = new ChatClient({ url, token, WebSocket, have: {}, queueLimit: 10_000, backoff })
    this.t.teardown(() => client.close())
    const entries = new Map<string, Entry[]>()
    const keep = (conversation: string, entry: Entry) => {
      entries.set(conversation, [...(entries.get(conversation) ?? []), entry])
    }
    client.on('message', message => keep(message.conversation, { type: 'message', message }))
    client.on('change', change => keep(change.conversation, change))
    this.devices.push({ client, person, entries, hearing: new Hearing(client, person) })
    client.connect()
  }

  cutOne (): void {
    reset(this.pick([...this.open]))
  }

  /** Carries out the actions, some at a time on each device; calls `each` after every one. */
  async rage (each: (done: number) => void): Promise<void> {
    let begun = 0
    let done = 0
    const actor = async (device: EntryDevice): Promise<void> => {
      while (begun++ < this.size.actions) {
        await this.act(device)
        each(++done)
      }
    }
    await Promise.all(this.devices.flatMap(device => Array.from({ length: UNDER_WAY }, () => actor(device))))
  }

  async act (device: EntryDevice): Promise<void> {
    const { person } = device
    const own = this.rooms.filter(({ members }) => members.has(person))
    if (own.length === 0) return
    const room = this.pick(own)
    const chance = this.random()
    const message = room.messages.length === 0 ? undefined : this.pick(room.messages)
    const mayDelete = room.founder !== undefined && room.members.get(person) !== 'member'
    if (chance < 0.1 && room.founder !== undefined) {
      await changeMembers(this, room, person)
      this.type(room)
    } else if (chance < 0.5 || message === undefined) await this.send(device, room)
    else if (chance < 0.78) await this.react(device, room, message.seq)
    else if (chance < 0.82) device.client.read(room.id, message.seq)
    else if (chance < 0.85) this.type(room)
    else if (chance >= 0.98 && mayDelete) await this.delete(device, room, message.seq)
    else if (message.sender !== person.id) await this.send(device, room)
    else if (chance < 0.96) await this.edit(device, room, message.seq)
    else await this.delete(device, room, message.seq)
  }

  /** A member types, and stops. */
  type (room: LiveRoom): void {
    const typists = this.devices.filter(({ person }) => room.members.has(person))
    const { client } = this.pick(typists)
    for (const on of [true, false]) client.typing({ conversation: room.id }, on)
  }

  /** Some go over HTTP, the others on the socket. */
  viaHttp = () => this.random() < 0.3

  /** A change on the socket; undefined where the person or the message was gone. */
  async onSocket (room: LiveRoom, change: Promise<Answer>): Promise<Answer | undefined> {
    try {
      const answer = await change
      this.acked.push({ room, answer })
      return answer
    } catch (error) {
      if (error instanceof ChatError && GONE_CODES.has(error.code)) return undefined
      throw error
    }
  }

  /** A request that changes a message; undefined as above. */
  async overHttp (room: LiveRoom, who: Person, method: string, rest: string, body?: object) {
    const path = `/conversations/${room.id}/messages${rest}`
    const answer = await this.ask(who, method, path, body)
    if (answer.status === 200 || answer.status === 201) {
      this.acked.push({ room, answer: answer.body.data })
      return answer.body.data as Message
    }
    if (GONE.has(answer.status)) return undefined
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }

  async send ({ client, person }: EntryDevice, room: LiveRoom): Promise<void> {
    const [clientId, message] = [randomUUID(), `message ${this.texts.size} 👋🏽`]
    this.texts.set(clientId, message)
    const answer = this.viaHttp()
      ? await this.overHttp(room, person, 'POST', '', { message, clientId })
      : await this.onSocket(room, client.send({ conversation: room.id }, message, { clientId }))
    if (answer !== undefined && '_id' in answer) room.messages.push(answer)
  }

  async edit ({ client, person }: EntryDevice, room: LiveRoom, seq: number): Promise<void> {
    const [clientId, text] = [randomUUID(), `edit ${this.texts.size}`]
    this.texts.set(clientId, text)
    const answer = this.viaHttp()
      ? await this.overHttp(room, person, 'PATCH', `/${seq}`, { message: text, clientId })
      : await this.onSocket(room, client.edit(room.id, seq, text, clientId))
    if (answer !== undefined) this.edited.push({ room, seq, text })
  }

  async delete ({ client, person }: EntryDevice, room: LiveRoom, seq: number): Promise<void> {
    const answer = this.viaHttp()
      ? await this.overHttp(room, person, 'DELETE', `/${seq}`)
      : await this.onSocket(room, client.delete(room.id, seq))
    if (answer !== undefined) this.deleted.push({ room, seq })
  }

  /** Turns a reaction on or off; one at a time, so that the last one is known. */
  async react ({ client, person }: EntryDevice, room: LiveRoom, seq: number): Promise<void> {
    const emoji = this.pick(EMOJI)
    const key = `${room.id} ${person.id} ${seq} ${emoji}`
    const reaction = this.reactions.get(key) ?? { room, person, seq, emoji, busy: false }
    if (reaction.busy) return
    this.reactions.set(key, reaction)
    reaction.busy = true
    const on = reaction.on !== true
    const path = `/${seq}/reactions/${encodeURIComponent(emoji)}`
    const answer = this.viaHttp()
      ? await this.overHttp(room, person, on ? 'PUT' : 'DELETE', path)
      : await this.onSocket(room, client.react(room.id, seq, emoji, on))
    if (answer === undefined) delete reaction.on
    else reaction.on = on
    reaction.busy = false
  }
}
