/** A conversation's log as the model of the server stores it, numbered by rev and seq. */
import { fold, type Entry, type Folded, type Message, type Outgoing, type SendFrame } from '../src/index.js'

/** What a server stores of a request, and what it answers. */
export type Outcome =
  { entry: Entry, repeat: false } |
  /** `message` is the present state of a repeated message */
  { entry: Entry, repeat: true, message?: Message } |
  /** nothing changed: the present state */
  { message: Message } |
  { code: 'not_found' | 'forbidden' | 'conflict' }

/** Where a request comes from, and when it is stored. */
export interface Origin { conversation: string, by: string, reciver: string, at: number, id: string }

/** docs/realtime.md, "Edits, deletions and reactions", in memory. */
export class StoredLog {
  readonly entries: Entry[] = []
  /** The clientId of each entry. */
  readonly clientIds: string[] = []
  /** The rev of each request, by its sender and clientId. */
  readonly #revs = new Map<string, number>()

  get messages (): Message[] {
    return this.entries.flatMap(entry => entry.type === 'message' ? [entry.message] : [])
  }

  /** The present state of all messages. */
  get state (): readonly Message[] {
    let state: Folded | undefined
    for (const entry of this.entries) state = fold(state, entry, Infinity)
    return state?.messages ?? []
  }

  /** Requests of this sender that are stored. */
  countOf (sender: string): number {
    return [...this.#revs.keys()].filter(key => key.startsWith(`${sender} `)).length
  }

  store (frame: Outgoing, origin: Origin): Outcome {
    const key = `${origin.by} ${frame.clientId}`
    const rev = this.#revs.get(key)
    if (rev !== undefined) return this.#repeat(rev)
    const outcome = frame.type === 'send' ? this.#message(frame, origin) : this.#change(frame, origin)
    if ('entry' in outcome) {
      this.#revs.set(key, this.entries.push(outcome.entry))
      this.clientIds.push(frame.clientId)
      this.#erase(outcome.entry)
    }
    return outcome
  }

  #repeat (rev: number): Outcome {
    const entry = this.entries[rev - 1]!
    if (entry.type === 'change') return { entry, repeat: true }
    return { entry, repeat: true, message: this.state[entry.message.seq - 1]! }
  }

  #message (frame: SendFrame, { id, conversation, by, reciver, at }: Origin): Outcome {
    const message = {
      _id: id,
      conversation,
      seq: this.messages.length + 1,
      rev: this.entries.length + 1,
      message: frame.message,
      sender: by,
      reciver,
      createdAt: new Date(at).toISOString(),
      clientId: frame.clientId
    }
    return { entry: { type: 'message', message }, repeat: false }
  }

  #change (frame: Exclude<Outgoing, SendFrame>, { conversation, by, at }: Origin): Outcome {
    const message = this.state[frame.seq - 1]
    if (message === undefined) return { code: 'not_found' }
    if (frame.type !== 'react' && message.sender !== by) return { code: 'forbidden' }
    if (hasNoEffect(frame, message, by)) return { message }
    if (message.deletedAt !== undefined) return { code: 'conflict' }
    const { seq } = frame
    const rev = this.entries.length + 1
    const head = { type: 'change' as const, conversation, rev, by, at: new Date(at).toISOString(), seq }
    if (frame.type === 'delete') return { entry: { ...head, kind: 'delete' }, repeat: false }
    const entry: Entry = frame.type === 'edit'
      ? { ...head, kind: 'edit', message: frame.message }
      : { ...head, kind: 'reaction', emoji: frame.emoji, on: frame.on }
    return { entry, repeat: false }
  }

  /** The text of a deleted message is gone wherever it stood. */
  #erase (deletion: Entry): void {
    if (deletion.type !== 'change' || deletion.kind !== 'delete') return
    const { seq, at: deletedAt } = deletion
    for (const [index, entry] of this.entries.entries()) {
      if (entry.type === 'message' && entry.message.seq === seq) {
        this.entries[index] = { type: 'message', message: { ...entry.message, message: '', deletedAt } }
      }
      if (entry.type === 'change' && entry.kind === 'edit' && entry.seq === seq) {
        this.entries[index] = { ...entry, message: '' }
      }
    }
  }
}

function hasNoEffect (frame: Exclude<Outgoing, SendFrame>, message: Message, by: string): boolean {
  if (frame.type === 'delete') return message.deletedAt !== undefined
  if (frame.type === 'edit') return message.deletedAt === undefined && message.message === frame.message
  const isOn = message.reactions?.[frame.emoji]?.includes(by) ?? false
  return message.deletedAt === undefined && isOn === frame.on
}
