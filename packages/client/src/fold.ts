/** Folds the log of a conversation into the present state of its messages. Pure functions. */
import type { Change, ChangeFrame, Message, MessageFrame } from 'chat-protocol'

/** An entry of a conversation's log, as it is pushed, replayed and paged. */
export type Entry = MessageFrame | ChangeFrame

/** The present state of the newest messages of a conversation. */
export interface Folded {
  readonly conversation: string
  /** the rev of the last entry that was folded */
  readonly rev: number
  /** ascending by seq */
  readonly messages: readonly Message[]
}

/** Messages that a state holds: a few screens. Changes of older messages have no effect on it. */
const KEPT_MESSAGES = 200

/** The conversation and the rev of an entry. */
export function placeOf (entry: Entry): { conversation: string, rev: number } {
  return entry.type === 'message' ? entry.message : entry
}

/**
 * Folds the next entry of a conversation into its state. Any entry that is not the next one changes nothing,
 * so entries may come twice or too early.
 * @param state undefined begins with this entry
 * @param keep the newest messages that the state holds
 */
export function fold (state: Folded | undefined, entry: Entry, keep = KEPT_MESSAGES): Folded {
  const { conversation, rev } = placeOf(entry)
  const { messages } = state ?? { messages: [] }
  if (state !== undefined && (state.conversation !== conversation || state.rev + 1 !== rev)) return state
  if (entry.type === 'message') {
    const all = [...messages, entry.message]
    return { conversation, rev, messages: all.slice(Math.max(0, all.length - keep)) }
  }
  return { conversation, rev, messages: messages.map(message => foldMessage(message, entry)) }
}

/**
 * The state of a message after a change. Changes of other messages, and edits and reactions of a deleted one,
 * have no effect. Applications that store messages themselves call it with each `change`.
 */
export function foldMessage (message: Message, change: Change): Message {
  if (!('seq' in change) || change.conversation !== message.conversation) return message
  if (change.seq !== message.seq || message.deletedAt !== undefined) return message
  switch (change.kind) {
    case 'edit': return { ...message, message: change.message, editedAt: change.at }
    case 'delete': return tombstone(message, change.at)
    case 'reaction': return withReaction(message, change.emoji, change.by, change.on)
    // Of a newer server.
    default: return message
  }
}

function tombstone (message: Message, deletedAt: string): Message {
  const { editedAt, reactions, ...rest } = message
  return { ...rest, message: '', deletedAt }
}

function withReaction (message: Message, emoji: string, user: string, on: boolean): Message {
  const { reactions = {}, ...rest } = message
  const users = reactions[emoji] ?? []
  if (users.includes(user) === on) return message
  const { [emoji]: before, ...others } = reactions
  const left = on ? [...users, user] : users.filter(other => other !== user)
  const all = left.length > 0 ? { ...reactions, [emoji]: left } : others
  return Object.keys(all).length > 0 ? { ...rest, reactions: all } : rest
}
