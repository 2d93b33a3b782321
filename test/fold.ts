/** A pure fold of the frames of a conversation: what a client that got them all has to show. */
import type { Change, Entry, Message } from 'chat-app-client'

export interface Folded {
  seq: number
  message: string
  sender: string
  editedAt?: string
  deletedAt?: string
  reactions?: Record<string, string[]>
}

/** The state after these frames of one conversation, by seq. */
export function fold (frames: readonly Entry[]): Map<number, Folded> {
  const state = new Map<number, Folded>()
  for (const frame of frames) {
    if (frame.type === 'message') state.set(frame.message.seq, begin(frame.message))
    else apply(state, frame)
  }
  return state
}

/** What is compared of a message: of a history, of a frame, or folded. */
export function shown (message: Folded): Folded {
  const { seq, sender, editedAt, deletedAt, reactions } = message
  return {
    seq,
    sender,
    message: message.message,
    ...(editedAt !== undefined && { editedAt }),
    ...(deletedAt !== undefined && { deletedAt }),
    ...(reactions !== undefined && Object.keys(reactions).length > 0 && { reactions })
  }
}

function begin (message: Message): Folded {
  const { seq, sender, deletedAt } = message
  return { seq, sender, message: message.message, ...(deletedAt !== undefined && { deletedAt }) }
}

function apply (state: Map<number, Folded>, change: Change): void {
  if (!('seq' in change)) return
  const message = state.get(change.seq)
  if (message === undefined) return
  // An edit or a reaction that lost a race to a delete has no effect (rule 3).
  const deleted = message.deletedAt !== undefined
  if (change.kind === 'delete') tombstone(message, change.at)
  else if (change.kind === 'edit' && !deleted) {
    message.message = change.message
    message.editedAt = change.at
  } else if (change.kind === 'reaction' && !deleted) reaction(message, change)
}

function tombstone (message: Folded, at: string): void {
  message.message = ''
  message.deletedAt = message.deletedAt ?? at
  delete message.reactions
}

function reaction (message: Folded, { emoji, by, on }: Change & { kind: 'reaction' }): void {
  const reactions = { ...message.reactions }
  const users = (reactions[emoji] ?? []).filter(user => user !== by)
  if (on) users.push(by)
  if (users.length > 0) reactions[emoji] = users
  else delete reactions[emoji]
  if (Object.keys(reactions).length > 0) message.reactions = reactions
  else delete message.reactions
}
