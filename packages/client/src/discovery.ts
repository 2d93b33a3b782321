/** Finds the conversations that are not known yet: in `resumed`, and in the inbox over HTTP. */
import type { ConversationState } from 'chat-protocol'

/** `resumed` lists so many conversations. A shorter list is complete. */
const LISTED = 50

/** Fetch a page of the inbox, newest first. */
export interface ListJob {
  readonly kind: 'conversations'
  readonly after: string | undefined
}

/** The part of a page of the inbox that is used. */
export interface InboxPage {
  data: { id: string, lastRev: number }[]
  next?: string
}

export class Discovery {
  /** Whether every conversation that existed when the connection began is known. */
  done = false
  /** The list of the first `resumed` of this connection, later replaced by that of the last one. */
  recent: ConversationState[] | undefined
  /** The next request over HTTP, which does not depend on the connection. */
  job: ListJob | undefined
  /** the cursors at the end of the last connection where all were known */
  #before: Record<string, number> = {}

  /** A connection begins. */
  begin (): void {
    this.done = false
    this.recent = undefined
  }

  /**
   * The connection is gone.
   * @param cursors kept only if all conversations are known: otherwise live entries may be newer than
   *   conversations that it did not discover.
   */
  end (cursors: () => Record<string, number>): void {
    if (this.done) this.#before = cursors()
    this.done = false
  }

  /** `resumed` listed these conversations. Returns whether all are known now; else `job` is a request. */
  resumed (conversations: ConversationState[]): boolean {
    const isFirst = this.recent === undefined
    this.recent = conversations
    if (!isFirst) return false
    const last = conversations[LISTED - 1]
    if (last === undefined || this.#isOld(last)) return this.#finish()
    this.job = { kind: 'conversations', after: undefined }
    return false
  }

  /** A page of the inbox has arrived. Returns whether all conversations are known now. */
  listed (job: ListJob, page: InboxPage): boolean {
    // A page for an earlier connection is valid, but the list begins anew with this one.
    if (job !== this.job) return false
    const last = page.data.at(-1)
    if (page.next === undefined || last === undefined || this.#isOld(last)) return this.#finish()
    this.job = { kind: 'conversations', after: page.next }
    return false
  }

  #finish (): true {
    this.job = undefined
    this.done = true
    return true
  }

  /**
   * Whether a listed conversation has nothing new since the last connection. The list is ordered by time, so
   * then no later one has.
   */
  #isOld ({ id, lastRev }: { id: string, lastRev: number }): boolean {
    return lastRev <= (this.#before[id] ?? -1)
  }
}
