/**
 * Groups and changes under attack: messages, edits, deletions and reactions over HTTP and sockets; members
 * who join, leave, get roles and hand groups over; sockets reset at random; the server killed. In the end
 * every device holds what the log holds, as far as its person may see it. TEST_SEED may be given.
 */
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { Message } from 'chat-app-client'
import {
  deviceFault, isMember, isSameState, numberFaults, readHistory, readRoom, revOf, type EntryDevice,
  type StoredRoom
} from './entry-log.js'
import { GroupStorm } from './group-storm.js'
import { DB, dataDir, run, start } from './server.js'
import type { LiveRoom } from './storm-members.js'

const LONG = process.env.TEST_LONG === '1'
const SEED = Number(process.env.TEST_SEED ?? (LONG ? Date.now() % 2 ** 31 : 5009))
const SIZE = LONG
  ? { people: 50, groups: 20, largest: 40, pairs: 60, actions: 4_000 }
  : { people: 12, groups: 5, largest: 10, pairs: 10, actions: 400 }
/** Times that the server is killed. */
const KILLS = LONG ? 5 : 2
/** Actions between two reset sockets. */
const RESET_EVERY = 25
const POLL_MS = 50
/** Longer than a client waits before it comes back and resumes. */
const SILENCE_MS = 20_000
const NO_LIMITS = {
  REGISTER_LIMIT: '0', LOGIN_LIMIT: '0', HTTP_RATE: '0', FRAME_RATE: '0', LOG_LEVEL: 'info'
}

interface Listed { user: { _id: string }, role: string }

/** Compares what the server stores with what it acknowledged, and with what the devices have. */
class Verification {
  constructor (readonly storm: GroupStorm) {}

  async verify (): Promise<void> {
    const { origin } = this.storm.server
    const stored = new Map<string, StoredRoom>()
    for (const room of this.storm.rooms) stored.set(room.id, await readRoom(origin, room))
    const all = [...stored.values()]
    this.storm.t.same(all.flatMap(numberFaults), [], 'no gap, duplicate or disorder in rev and seq')
    this.storm.t.same(this.unknownTexts(all), [], 'each text under its clientId')
    this.storm.t.same(this.lostAnswers(stored), [], 'every acknowledged change is there')
    for (const room of this.storm.rooms) await this.verifyState(room, stored.get(room.id)!)
    await this.silence(stored)
    const faults: string[] = []
    for (const device of this.storm.devices) {
      for (const one of all) {
        const fault = await deviceFault(origin, device, one)
        if (fault !== undefined) faults.push(fault)
      }
      const foreign = [...device.entries.keys()].filter(id => !stored.has(id))
      if (foreign.length > 0) faults.push(`a device of ${device.person.id} got ${foreign.join()}`)
      faults.push(...this.hearingFaults(device, stored))
    }
    const isHeard = this.storm.devices.some(({ hearing }) => hearing.conversations.size > 0)
    this.storm.t.ok(isHeard, 'typing and receipts are heard')
    const entries = all.reduce((sum, { log }) => sum + log.length, 0)
    const devices = `${this.storm.devices.length} devices`
    this.storm.t.same(faults, [], `${devices} equal ${entries} entries in ${all.length} conversations`)
  }

  /** Typing and receipts that a device heard of conversations of others, or after its user had left. */
  hearingFaults ({ hearing, person }: EntryDevice, stored: ReadonlyMap<string, StoredRoom>): string[] {
    const strange = [...hearing.conversations].filter(id => !stored.get(id)?.spans.has(person.id))
    return [...hearing.faults, ...strange.map(id => `${person.id} hears of ${id}`)]
  }

  unknownTexts (all: StoredRoom[]): Message[] {
    const messages = all.flatMap(({ log }) =>
      log.flatMap(entry => entry.type === 'message' ? [entry.message] : []))
    return messages.filter(({ message, deletedAt, clientId }) =>
      deletedAt === undefined && this.storm.texts.get(clientId!) !== message)
  }

  /** Acknowledged entries that are not stored under their rev. */
  lostAnswers (stored: ReadonlyMap<string, StoredRoom>): unknown[] {
    const entryAt = (room: LiveRoom, rev: number) => stored.get(room.id)!.log[rev - 1]
    return this.storm.acked.filter(({ room, answer }) => {
      const entry = entryAt(room, answer.rev)
      if ('_id' in answer) return entry?.type !== 'message' || entry.message._id !== answer._id
      return entry?.type !== 'change' || entry.kind !== answer.kind || entry.by !== answer.by
    })
  }

  /** The history of a room against its log, and against what was acknowledged. */
  async verifyState (room: LiveRoom, stored: StoredRoom): Promise<void> {
    const { server: { origin }, t } = this.storm
    const history = await readHistory(origin, room.founder ?? room.first[0]!, room.id)
    if (!isSameState(stored.log, history)) t.fail(`${room.id}: the history is not the log, folded`)
    const alive = (seq: number) => history[seq - 1]!.deletedAt === undefined
    for (const { seq } of this.storm.deleted.filter(one => one.room === room)) {
      if (alive(seq)) t.fail(`${room.id}: ${seq} is not deleted`)
    }
    const edits = stored.log.flatMap(entry =>
      entry.type === 'change' && entry.kind === 'edit' ? [entry.message] : [])
    for (const { seq, text } of this.storm.edited.filter(one => one.room === room)) {
      const count = edits.filter(edit => edit === text).length
      if (alive(seq) && count !== 1) t.fail(`${room.id}: an edit of ${seq} is there ${count} times`)
    }
    const reactions = [...this.storm.reactions.values()].filter(one => one.room === room)
    for (const { person, seq, emoji, on } of reactions) {
      if (on === undefined || !alive(seq)) continue
      const found = history[seq - 1]!.reactions?.[emoji]?.includes(person.id) ?? false
      if (found !== on) t.fail(`${room.id}: the reaction ${emoji} of ${person.id} to ${seq} is ${found}`)
    }
    await this.verifyMembers(room, stored)
  }

  async verifyMembers (room: LiveRoom, stored: StoredRoom): Promise<void> {
    if (room.founder === undefined) return
    const { body } = await this.storm.ask(room.founder, 'GET', `/groups/${room.id}`)
    const listed = body.data.memberList.map(({ user, role }: Listed) => `${user._id} ${role}`)
    const asked = [...room.members].map(([{ id }, role]) => `${id} ${role}`)
    this.storm.t.same(listed.sort(), asked.sort(), `the members and roles of ${room.id}`)
    const members = this.storm.people.filter(person => isMember(stored, person))
    this.storm.t.same(members.map(({ id }) => id).sort(), [...room.members.keys()].map(({ id }) => id).sort())
    for (const person of this.storm.people.filter(person => !members.includes(person))) {
      const { status } = await this.storm.ask(person, 'GET', `/conversations/${room.id}/changes`)
      if (status !== 404) this.storm.t.fail(`${room.id}: ${status} for a user outside the group`)
    }
  }

  /** Waits until each device has the ends of its conversations, as long as any of them gets entries. */
  async silence (stored: ReadonlyMap<string, StoredRoom>): Promise<void> {
    const lacks = ({ person, entries }: EntryDevice) => [...stored.values()].some(one => {
      const last = entries.get(one.room.id)?.at(-1)
      return isMember(one, person) && (last === undefined ? 0 : revOf(last)) < one.log.length
    })
    let before = -1
    let since = performance.now()
    while (this.storm.devices.some(lacks) && performance.now() - since < SILENCE_MS) {
      const all = this.storm.devices.flatMap(({ entries }) => [...entries.values()])
      const count = all.reduce((sum, { length }) => sum + length, 0)
      if (count !== before) since = performance.now()
      before = count
      await delay(POLL_MS)
    }
  }
}

const size = `${SIZE.people} users, ${SIZE.groups} groups, ${SIZE.actions} actions`
t.test(`${size}, sockets reset at random, the server killed ${KILLS} times`, async t => {
  const env = { ...NO_LIMITS, DATA_DIR: await dataDir(t) }
  const storm = new GroupStorm(t, await start(t, env), SIZE, SEED)
  const { port: PORT } = new URL(storm.server.origin)
  t.comment(`TEST_SEED=${SEED}`)
  await storm.gather()
  const begin = performance.now()
  let restarting: Promise<void> = Promise.resolve()
  let kills = 0
  await storm.rage(done => {
    if (done % RESET_EVERY === 0) storm.cutOne()
    if (done < (kills + 1) * SIZE.actions / (KILLS + 1) || kills === KILLS) return
    kills++
    restarting = restarting.then(async () => {
      await storm.server.end('SIGKILL')
      storm.server = await start(t, { ...env, PORT })
    })
  })
  await restarting
  t.equal(kills, KILLS)
  t.comment(`${SIZE.actions} actions in ${Math.round(performance.now() - begin)} ms`)
  await new Verification(storm).verify()
  await storm.server.end('SIGTERM')
  const checked = await run(env, ['check'], DB)
  t.match(checked, { code: 0, out: /\n0 faults of the log; 0 differences/ }, 'db:check agrees')
})
