/** A `resume` frame that waits for its conversations. */
export interface Resume {
  left: number
  done: () => void
}

/** Where a socket stands in a conversation. Kept small: a socket may resume thousands at once. */
export interface Cursor {
  readonly conversation: string
  /** The last number sent, or the one to go on after. */
  seq: number
  /** The highest number known to exist. */
  target: number
  /** Nothing waits for a turn: the next number goes out at once. */
  live: boolean
  /** What has to be looked up before the first page. */
  lookUp: 'nothing' | 'last' | 'beginning'
  /** Counts restarts, so that what was read before one is thrown away. */
  restarts: number
  resume: Resume | undefined
}

/** A cursor that goes on live after this number. */
export function newCursor (conversation: string, seq: number): Cursor {
  return { conversation, seq, target: seq, live: true, lookUp: 'nothing', restarts: 0, resume: undefined }
}
