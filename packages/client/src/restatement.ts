/** The first pause between two restatements; each doubles it. */
const FIRST_PAUSE_MS = 1_000
/** A server that is so busy for longer has other worries than receipts. */
const MAX_PAUSE_MS = 60_000

/**
 * When to send again what the server may have refused: the watch list and all receipts. An `error` does not
 * say which of them it is about, so all are sent again, which costs the server more than the refused frame.
 * Without growing pauses a client at its limit would spend all that it may send on restatements, and its
 * messages would wait for ever.
 */
export class Restatement {
  /** when it is due; Infinity if nothing was refused */
  dueAt = Infinity
  #pauseMs = 0
  #calmAt = -Infinity

  /** Something was refused. Nothing can be sent before `at`. */
  request (at: number): void {
    if (this.dueAt < Infinity) return
    if (at > this.#calmAt) this.#pauseMs = 0
    this.dueAt = at + this.#pauseMs
    this.#pauseMs = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2))
    this.#calmAt = this.dueAt + 2 * MAX_PAUSE_MS
  }

  /** Whether it is to be done now; then it is over. */
  take (now: number): boolean {
    if (now < this.dueAt) return false
    this.dueAt = Infinity
    return true
  }

  /** The connection is new: everything is stated anyway. */
  clear (): void { this.dueAt = Infinity }
}
