import type { LogEnd } from '../chat/log/log-repository.js'
import type { EntryDocument } from '../database/documents.js'

/** What the cursors need of their socket. */
export interface CursorSink {
  readonly closed: boolean
  /** Whether another entry may be queued. */
  readonly hasRoom: boolean
  /** Sends an entry in its place: as a frame of its own, or as the `ack` that this socket waits for. */
  deliver (entry: EntryDocument): void
  /** Says that the conversation goes on after this end, because too much is missing. */
  reset (conversation: string, end: LogEnd): void
  /** Resolves when the socket has taken most of what is queued, or is closed. */
  drained (): Promise<void>
}

export interface CursorOptions {
  /** Only this process writes: its pushes come in order, and a conversation begins at the first one. */
  onlyWriter: boolean
  /** Conversations that may be followed, if more are resumed; 0 for any number. */
  maxCursors: number
  /** Missing entries of a conversation that a resume sends; above it a reset. */
  resumeLimit: number
}

/** A `resume` frame that waits for its conversations. */
export interface Resume {
  left: number
  done: () => void
}

/** Where a socket stands in a conversation. Kept small: a socket may resume thousands at once. */
export interface Cursor {
  readonly conversation: string
  /** The rev of the last entry sent, or the one to go on after. */
  rev: number
  /** The highest rev known to exist. */
  target: number
  /** Nothing waits for a turn: the next number goes out at once. */
  live: boolean
  /** What has to be looked up before the first page. */
  lookUp: 'nothing' | 'last' | 'beginning' | 'visible'
  /** Counts restarts, so that what was read before one is thrown away. */
  restarts: number
  resume: Resume | undefined
}

/** A cursor that goes on live after this number. */
export function newCursor (conversation: string, rev: number): Cursor {
  return { conversation, rev, target: rev, live: true, lookUp: 'nothing', restarts: 0, resume: undefined }
}
