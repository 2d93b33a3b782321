/** The entries of a conversation's log: what depends on their kind, between the database and the wire. */
import type { Change } from 'chat-protocol'
import type { EntryDocument, MessageDocument } from '../../database/documents.js'
import { mongodb } from '../../database/driver.js'
import type { NewMessage } from '../messages.js'
import { sentJson } from './message-json.js'
import type { Summary } from '../conversations-repository.js'

/** The fields that the log itself fills in. */
type Filled = 'rev' | 'seq' | 'top' | 'storedAt' | '_id' | 'clientId' | 'createdAt'
type Unfilled<D> = D extends EntryDocument ? Omit<D, Filled> : never

/** A new entry that is not a message. */
export type NewChange = Exclude<Unfilled<EntryDocument>, { kind: 'message' }> & {
  /** UUID; undefined: the server fills in a hidden one */
  clientId?: string | undefined
}

/** The document of a new message; its numbers come with its turn to be written. */
export function newMessage (input: NewMessage, now: Date): MessageDocument {
  const { conversation, sender, message, createdAt = '', clientId, replyTo } = input
  const _id = new mongodb.ObjectId()
  // Field by field: to spread parts is several times slower, and this is done for each message.
  const document: MessageDocument = {
    _id,
    conversation,
    rev: 0,
    seq: 0,
    top: 0,
    actor: sender,
    clientId: clientId?.toLowerCase() ?? _id.toHexString(),
    createdAt: createdAt === '' ? now.toISOString() : createdAt,
    storedAt: now,
    kind: 'message',
    message
  }
  if (replyTo !== undefined) document.replyTo = replyTo
  return document
}

/** The document of a new change. */
export function newChange (input: NewChange, now: Date): EntryDocument {
  const _id = new mongodb.ObjectId()
  return {
    ...input,
    _id,
    rev: 0,
    seq: 0,
    top: 0,
    clientId: input.clientId?.toLowerCase() ?? _id.toHexString(),
    createdAt: now.toISOString(),
    storedAt: now
  } as EntryDocument
}

/** The text of an entry, which takes most of its memory. */
export function textOf (entry: EntryDocument): string {
  if (entry.kind === 'message' || entry.kind === 'edit') return entry.message
  return entry.kind === 'group' ? entry.avatarImage ?? '' : ''
}

/**
 * Whether an entry with the same clientId is the same entry sent again. The text of a deleted message is
 * gone, so it is not compared.
 */
export function isRepeat (entry: EntryDocument, earlier: EntryDocument): boolean {
  const erased = 'message' in earlier && earlier.message === ''
  const [mine, theirs] = [contentOf(entry), contentOf(earlier)]
  return mine.every((value, n) => (erased && n === 1) || value === theirs[n])
}

/** What a repeat has to have in common with the stored entry; the text is the second. */
function contentOf (entry: EntryDocument): unknown[] {
  switch (entry.kind) {
    case 'message': return [entry.kind, entry.message, entry.replyTo]
    case 'edit': return [entry.kind, entry.message, entry.target]
    case 'delete': return [entry.kind, '', entry.target]
    case 'reaction': return [entry.kind, entry.emoji, entry.target, entry.on]
    case 'member': return [entry.kind, '', entry.user, entry.role]
    case 'group': return [
      entry.kind, entry.name, entry.avatarImage, entry.history, [...entry.members ?? []].sort().join()
    ]
  }
}

/** A change as clients see it. */
export function toChange (entry: Exclude<EntryDocument, MessageDocument>): Change {
  const { conversation, rev, actor: by, createdAt: at } = entry
  const head = { conversation, rev, kind: entry.kind, by, at }
  switch (entry.kind) {
    case 'edit': return { ...head, kind: 'edit', seq: entry.target, message: entry.message }
    case 'delete': return { ...head, kind: 'delete', seq: entry.target }
    case 'reaction': {
      const { target: seq, emoji, on } = entry
      return { ...head, kind: 'reaction', seq, emoji, on }
    }
    case 'member': return { ...head, kind: 'member', user: entry.user, role: entry.role }
    case 'group': return {
      ...head,
      kind: 'group',
      ...(entry.name === undefined ? {} : { name: entry.name }),
      ...(entry.avatarImage === undefined ? {} : { avatarImage: entry.avatarImage })
    }
  }
}

/** An entry as it is pushed and replayed, as JSON: a message has its text as sent. */
export function frameOf (entry: EntryDocument): string {
  if (entry.kind === 'message') return `{"type":"message","message":${sentJson(entry)}}`
  return JSON.stringify({ type: 'change', ...toChange(entry) })
}

/**
 * What an entry says about the end of its conversation's log. Messages, and changes of a group, move the
 * conversation to the top of the inbox: there who is added to a quiet group finds it.
 */
export function summaryOf ({ kind, conversation, rev, top, storedAt, _id }: EntryDocument): Summary {
  const summary: Summary = { conversation, lastRev: rev, lastSeq: top, changedAt: storedAt }
  if (kind === 'message') summary.last = { seq: top, id: _id }
  if (kind === 'message' || kind === 'member' || kind === 'group') summary.lastAt = storedAt
  return summary
}
