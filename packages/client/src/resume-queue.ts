import type { HelloFrame, ResumeFrame } from 'chat-protocol'

/** Conversations in one `resume`: each costs the server a look-up, and a refused frame is repeated. */
const MAX_CONVERSATIONS = 500

const EMPTY_BYTES = JSON.stringify({ type: 'resume', have: {} }).length

/** Makes the `resume` frames for conversations and their cursors: as many as the limits require. */
export function resumeFrames (
  have: [id: string, seq: number][], limits: HelloFrame['limits']
): ResumeFrame[] {
  const { frameBytes, resumeConversations = MAX_CONVERSATIONS } = limits
  const most = Math.min(MAX_CONVERSATIONS, resumeConversations)
  const frames: ResumeFrame[] = []
  let entries: [string, number][] = []
  let bytes = EMPTY_BYTES
  for (const [id, seq] of have) {
    const more = `"${id}":${seq},`.length
    const isFull = entries.length === most || bytes + more > frameBytes
    if (isFull && entries.length > 0) {
      frames.push({ type: 'resume', have: Object.fromEntries(entries) })
      entries = []
      bytes = EMPTY_BYTES
    }
    entries.push([id, seq])
    bytes += more
  }
  frames.push({ type: 'resume', have: Object.fromEntries(entries) })
  return frames
}

/**
 * The `resume` frames of one connection. Each waits for the answer to the previous one, so that a refusal is
 * about it.
 */
export class ResumeQueue {
  #queued: ResumeFrame[] = []
  #unanswered: ResumeFrame | undefined
  #notBefore = -Infinity

  add (frame: ResumeFrame): void { this.#queued.push(frame) }

  /** When the next frame may be sent; Infinity if there is none, or one is unanswered. */
  get dueAt (): number {
    return this.#unanswered === undefined && this.#queued.length > 0 ? this.#notBefore : Infinity
  }

  /** Takes the next frame to send, or undefined. */
  next (now: number): ResumeFrame | undefined {
    if (now < this.dueAt) return undefined
    this.#unanswered = this.#queued.shift()
    return this.#unanswered
  }

  answered (): void { this.#unanswered = undefined }

  /** The unanswered frame was refused: repeats it, not before this time. */
  repeatAt (time: number): void {
    this.#notBefore = time
    if (this.#unanswered !== undefined) this.#queued.unshift(this.#unanswered)
    this.#unanswered = undefined
  }

  /** The connection is gone. */
  clear (): void {
    this.#queued = []
    this.#unanswered = undefined
    this.#notBefore = -Infinity
  }
}
