/** The logs of conversations with all entries, read over HTTP, and whether devices were told the same. */
import { isDeepStrictEqual } from 'node:util'
import { fold, type ChatClient, type Entry, type Folded, type Message } from 'chat-app-client'
import { isSameEntry, plain } from '../packages/client/test/entries.js'
import type { Person } from './chat-log.js'
import type { Hearing } from './hearing.js'
import { request } from './server.js'

/** The most that the server gives in a page. */
const PAGE = 1000
/** Messages of a state that is compared with a history. */
const ALL = Infinity

/** A client, and what it handed on, by conversation. */
export interface EntryDevice {
  client: ChatClient
  person: Person
  entries: Map<string, Entry[]>
  hearing: Hearing
}

/** A conversation of the test; a direct one has neither founder nor history. */
export interface Room {
  id: string
  /** the members at its beginning */
  first: Person[]
  /** created the group, and never leaves it */
  founder?: Person
  history?: 'all' | 'joined'
}

/** What is stored of a room. */
export interface StoredRoom { room: Room, log: Entry[], spans: Map<string, Span[]> }
/** The revs from joining to leaving; without `to` the user is a member now. */
interface Span { from: number, to?: number }

export const revOf = (entry: Entry): number => entry.type === 'message' ? entry.message.rev : entry.rev

/** Reads all pages of a list with numbers. */
async function pages<T> (
  origin: string, { token }: Person, path: string, numberOf: (item: T) => number
): Promise<T[]> {
  const all: T[] = []
  for (let more = true; more;) {
    const last = all.at(-1)
    const after = last === undefined ? 0 : numberOf(last)
    const { status, body } = await request(origin, 'GET', `${path}?after=${after}&limit=${PAGE}`, { token })
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`)
    all.push(...body.data)
    more = body.hasMore
  }
  return all
}

export async function readHistory (origin: string, person: Person, conversation: string): Promise<Message[]> {
  const path = `/api/v1/conversations/${conversation}/messages`
  return await pages<Message>(origin, person, path, ({ seq }) => seq)
}

export async function readRoom (origin: string, room: Room): Promise<StoredRoom> {
  const reader = room.founder ?? room.first[0]!
  const log = await pages<Entry>(origin, reader, `/api/v1/conversations/${room.id}/changes`, revOf)
  return { room, log, spans: spansOf(room, log) }
}

/** When each user was a member, as the log tells it. */
function spansOf ({ first }: Room, log: Entry[]): Map<string, Span[]> {
  const spans = new Map<string, Span[]>(first.map(({ id }) => [id, [{ from: 1 }]]))
  for (const entry of log) {
    if (entry.type === 'message' || entry.kind !== 'member') continue
    const own = spans.get(entry.user) ?? []
    spans.set(entry.user, own)
    const open = own.at(-1)
    const isMember = open !== undefined && open.to === undefined
    if (entry.role !== null && !isMember) own.push({ from: entry.rev })
    if (entry.role === null && isMember) open.to = entry.rev
  }
  return spans
}

/** Whether a user is a member at the end. */
export function isMember ({ spans }: StoredRoom, { id }: Person): boolean {
  const last = spans.get(id)?.at(-1)
  return last !== undefined && last.to === undefined
}

/** Checks the revs 1, 2, 3 … of the entries, the seqs 1, 2, 3 … of the messages, and each clientId once. */
export function numberFaults ({ room, log }: StoredRoom): string[] {
  const faults: string[] = []
  const messages = log.flatMap(entry => entry.type === 'message' ? [entry.message] : [])
  for (const [index, entry] of log.entries()) {
    const rev = revOf(entry)
    if (rev !== index + 1) faults.push(`${room.id}: rev ${rev} at the place of ${index + 1}`)
  }
  for (const [index, { seq }] of messages.entries()) {
    if (seq !== index + 1) faults.push(`${room.id}: seq ${seq} at the place of ${index + 1}`)
  }
  const keys = messages.map(({ sender, clientId }) => `${sender} ${clientId}`)
  if (new Set(keys).size !== keys.length) faults.push(`${room.id}: a clientId twice`)
  return faults
}

/** What is wrong with the entries that a device handed on of a room; undefined where nothing is. */
export async function deviceFault (
  origin: string, device: EntryDevice, stored: StoredRoom
): Promise<string | undefined> {
  const { person, entries } = device
  const { room } = stored
  const seen = entries.get(room.id) ?? []
  const where = `${room.id} on a device of ${person.id}`
  let begin = 0
  for (const [index, entry] of seen.entries()) {
    const rev = revOf(entry)
    const before = index === 0 ? 0 : revOf(seen[index - 1]!)
    if (!isVisible(stored, person, rev)) {
      const spans = JSON.stringify(stored.spans.get(person.id) ?? [])
      return `${where}: rev ${rev} is outside the membership ${spans}: ${JSON.stringify(entry)}`
    }
    if (!isSameEntry(stored.log[rev - 1], entry)) {
      return `${where}: rev ${rev} differs: ${JSON.stringify([stored.log[rev - 1], entry])}`
    }
    if (rev === before + 1) continue
    if (rev <= before || room.history !== 'joined' || !isJoining(entry, person)) {
      return `${where}: rev ${rev} after ${before}`
    }
    begin = index
  }
  if (!isMember(stored, person)) return undefined
  const last = seen.at(-1)
  const end = last === undefined ? 0 : revOf(last)
  const { length } = stored.log
  if (end !== length) return `${where}: ends at ${end} of ${length}, ${device.client.state}`
  const history = await readHistory(origin, person, room.id)
  return isSameState(seen.slice(begin), history) ? undefined : `${where}: the state differs from the history`
}

/** Whether these entries, folded, are this history. */
export function isSameState (entries: Entry[], history: Message[]): boolean {
  let state: Folded | undefined
  for (const entry of entries) state = fold(state, entry, ALL)
  return isDeepStrictEqual(plain(state?.messages ?? []), plain(history))
}

function isJoining (entry: Entry, { id }: Person): boolean {
  return entry.type === 'change' && entry.kind === 'member' && entry.user === id && entry.role !== null
}

/** Who was a member sees what came until the leaving; with the history "joined" only from the joining. */
function isVisible ({ room, spans }: StoredRoom, { id }: Person, rev: number): boolean {
  const own = spans.get(id) ?? []
  return own.some(({ from, to = Infinity }) => rev <= to && (room.history === 'all' || rev >= from))
}
