/** Verifies that the log has no gap, and that what is made of it agrees with it. */
import { isDeepStrictEqual } from 'node:util'
import { kindOf, pairOf } from 'chat-protocol'
import { idOf } from '../chat/memberships-repository.js'
import { reactionsOf } from '../chat/messages.js'
import {
  DURABLE, idsWithin, type ConversationDocument, type EntryDocument, type MembershipDocument
} from '../database/documents.js'
import type { mongodb } from '../database/driver.js'
import { Expected, type MessageState } from './expected.js'

/** The fields that later entries give a message. */
const STATE = ['current', 'editedAt', 'deletedAt', 'reactions', 'edits'] as const

export interface CheckResult {
  conversations: number
  entries: number
  /** faults of the log itself: nothing can repair them */
  broken: string[]
  /** what does not agree with the log; repaired if that was asked for */
  derived: string[]
}

/**
 * Checks every conversation: rev counts 1, 2, 3 …, so does seq among messages, and the state of messages,
 * the summary, and the members of groups agree with the log. No server may use the database meanwhile.
 * @param repair whether what is made of the log is made anew where it does not agree
 */
export async function check (db: mongodb.Db, repair: boolean): Promise<CheckResult> {
  return await new Check(db, repair).run()
}

class Check {
  readonly #log: mongodb.Collection<EntryDocument>
  readonly #conversations: mongodb.Collection<ConversationDocument>
  readonly #memberships: mongodb.Collection<MembershipDocument>
  readonly #repair: boolean
  readonly #result: CheckResult = { conversations: 0, entries: 0, broken: [], derived: [] }

  constructor (db: mongodb.Db, repair: boolean) {
    this.#log = db.collection<EntryDocument>('log', DURABLE)
    this.#conversations = db.collection<ConversationDocument>('conversations', DURABLE)
    this.#memberships = db.collection<MembershipDocument>('memberships', DURABLE)
    this.#repair = repair
  }

  async run (): Promise<CheckResult> {
    let reader: Reader | undefined
    for await (const entry of this.#log.find({}, { sort: { conversation: 1, rev: 1 } })) {
      this.#result.entries++
      if (reader?.conversation !== entry.conversation) {
        if (reader !== undefined) await this.#finish(reader)
        reader = new Reader(entry.conversation)
      }
      reader.read(entry)
    }
    if (reader !== undefined) await this.#finish(reader)
    await this.#findOrphans()
    return this.#result
  }

  async #finish (reader: Reader): Promise<void> {
    this.#result.conversations++
    if (reader.isDeletedGroup) return
    this.#result.broken.push(...reader.faults)
    // To repair a broken log could hide what is missing.
    if (reader.faults.length > 0) return
    for (const [seq, state] of reader.differing()) await this.#message(reader.conversation, seq, state)
    await this.#summary(reader)
    if (kindOf(reader.conversation) === 'group') await this.#members(reader)
  }

  async #message (conversation: string, seq: number, state: MessageState): Promise<void> {
    this.#result.derived.push(`${conversation}: the state of message ${seq}`)
    if (!this.#repair) return
    const gone = STATE.filter(field => state[field] === undefined)
    const update: mongodb.UpdateFilter<EntryDocument> = {
      $set: { ...state, ...(state.deletedAt === undefined ? {} : { message: '' }) },
      ...(gone.length === 0 ? {} : { $unset: Object.fromEntries(gone.map(field => [field, ''])) })
    }
    await this.#log.updateOne({ conversation, seq }, update)
  }

  async #summary ({ conversation: _id, expected }: Reader): Promise<void> {
    const stored = await this.#conversations.findOne({ _id })
    const wanted = { ...expected.summary!, ...sharedOf(_id, expected) }
    const differing = Object.entries(wanted).filter(([field, value]) =>
      !isReached(stored?.[field as keyof ConversationDocument], value))
    if (differing.length === 0) return
    this.#result.derived.push(`${_id}: ${differing.map(([field]) => field).join(', ')} of the summary`)
    if (!this.#repair) return
    await this.#conversations.updateOne({ _id }, { $set: Object.fromEntries(differing) }, { upsert: true })
  }

  async #members ({ conversation, expected }: Reader): Promise<void> {
    const stored = await this.#memberships.find({ _id: idsWithin(conversation) }).toArray()
    const users = new Set([...stored.map(({ user }) => user), ...expected.members.keys()])
    for (const user of users) {
      const wanted = expected.members.get(user) ?? { role: null }
      const known: Partial<MembershipDocument> = stored.find(member => member.user === user) ?? {}
      const isSame = Object.entries(wanted).every(([field, value]) =>
        (known[field as keyof MembershipDocument] ?? null) === value)
      if (isSame) continue
      this.#result.derived.push(`${conversation}: the membership of ${user}`)
      if (!this.#repair) continue
      const place = { conversation, user }
      const update = { $set: { ...place, ...wanted } }
      await this.#memberships.updateOne({ _id: idOf(place) }, update, { upsert: true })
    }
  }

  /** Summaries without a log: a group that was deleted may have left one, and a conversation may be empty. */
  async #findOrphans (): Promise<void> {
    const projection = { _id: 1 }
    for await (const { _id } of this.#conversations.find({ lastRev: { $gt: 0 } }, { projection })) {
      if (await this.#log.findOne({ conversation: _id }, { projection: { _id: 1 } }) !== null) continue
      this.#result.broken.push(`${_id}: there is a summary, but no log`)
    }
  }
}

/** Reads the entries of one conversation in their order. */
class Reader {
  readonly conversation: string
  readonly expected = new Expected()
  readonly faults: string[] = []
  /** the state of messages as it is stored, by number */
  readonly #stored = new Map<number, MessageState & { message: string }>()
  #rev = 0
  #top = 0
  #first: EntryDocument | undefined

  constructor (conversation: string) { this.conversation = conversation }

  read (entry: EntryDocument): void {
    this.#first ??= entry
    this.#checkNumbers(entry)
    this.expected.add(entry)
    if (entry.kind === 'message' && STATE.some(field => entry[field] !== undefined)) {
      this.#stored.set(entry.seq, entry)
    }
  }

  /** Of a group that was deleted only the entry with which its last member left stays. */
  get isDeletedGroup (): boolean {
    const first = this.#first
    return first?.kind === 'member' && first.role === null && first.rev === this.#rev
  }

  /** The messages whose stored state is not the expected one. */
  differing (): [seq: number, state: MessageState][] {
    const numbers = new Set([...this.#stored.keys(), ...this.expected.messages.keys()])
    return [...numbers].map((seq): [number, MessageState] => [seq, this.expected.messages.get(seq) ?? {}])
      .filter(([seq, state]) => !isSame(this.#stored.get(seq), state))
  }

  #checkNumbers ({ kind, rev, seq, top }: EntryDocument): void {
    const wantedTop = kind === 'message' ? this.#top + 1 : this.#top
    const wantedSeq = kind === 'message' ? wantedTop : -rev
    if (rev !== this.#rev + 1) this.faults.push(`${this.conversation}: rev ${rev} follows ${this.#rev}`)
    else if (top !== wantedTop || seq !== wantedSeq) {
      this.faults.push(`${this.conversation}: rev ${rev} has seq ${seq} and top ${top}, ` +
        `and not ${wantedSeq} and ${wantedTop}`)
    }
    this.#rev = rev
    this.#top = top
  }
}

function isSame (stored: MessageState & { message: string } | undefined, expected: MessageState): boolean {
  if (expected.deletedAt !== undefined && stored?.message !== '') return false
  const fields = ['current', 'editedAt', 'deletedAt', 'edits'] as const
  return fields.every(field => isDeepStrictEqual(stored?.[field], expected[field])) &&
    isDeepStrictEqual(sortedReactions(stored), sortedReactions(expected))
}

/** An emoji that nobody has left any more may stay with an empty list. */
function sortedReactions (state: MessageState = {}): Record<string, string[]> {
  return Object.fromEntries(reactionsOf(state).map(([emoji, users]) => [emoji, [...users].sort()]))
}

/** What the members of a conversation share, as its log says. */
function sharedOf (id: string, expected: Expected): Partial<ConversationDocument> {
  if (kindOf(id) === 'direct') return { members: [...new Set(pairOf(id))].sort() }
  const { name, avatarImage, history } = expected
  const members = [...expected.members.keys()].sort()
  const shared = { kind: 'group' as const, members, name, avatarImage, history }
  return Object.fromEntries(Object.entries(shared).filter(([, value]) => value !== undefined))
}

/** A time may be later than the log says: the clocks of processes differ, and the latest one stays. */
function isReached (stored: unknown, wanted: unknown): boolean {
  if (wanted instanceof Date) return stored instanceof Date && stored >= wanted
  return isDeepStrictEqual(plain(stored), plain(wanted))
}

/** Values that can be compared: ids by their text, lists of members without an order. */
function plain (value: unknown): unknown {
  const copy: unknown = value === undefined ? undefined : JSON.parse(JSON.stringify(value))
  return Array.isArray(copy) ? copy.sort() : copy
}
