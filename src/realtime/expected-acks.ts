import type { Appended } from '../chat/log/send.js'
import type { FramedEntry } from './framed-entry.js'

/** An ack that a frame of a socket waits for. */
export interface ExpectedAck {
  /** Conversation and clientId in lower case. */
  readonly key: string
  /** As the frame spelled it. */
  readonly clientId: string
  /** Set while a message that was appended is being stored. */
  storing?: Promise<Appended>
  /** Set once the entry is stored, if its place in the order has not come yet. */
  stored?: FramedEntry
}

/**
 * The acks that one socket waits for. Each frame has its own entry: of two frames with the same clientId, the
 * refusal of one does not end the wait of the other.
 */
export class ExpectedAcks {
  readonly #byKey = new Map<string, ExpectedAck[]>()
  #size = 0

  get size (): number { return this.#size }

  /**
   * Adds an entry: the entry with this clientId is acknowledged in its place from now on, rather than
   * pushed.
   */
  add (conversation: string, clientId: string): ExpectedAck {
    const expected: ExpectedAck = { key: conversation + clientId.toLowerCase(), clientId }
    const others = this.#byKey.get(expected.key)
    if (others === undefined) this.#byKey.set(expected.key, [expected])
    else others.push(expected)
    this.#size++
    return expected
  }

  /** The frame that stored this entry, or the first one that repeated it. */
  oldest (conversation: string, clientId: string): ExpectedAck | undefined {
    return this.#byKey.get(conversation + clientId)?.[0]
  }

  /**
   * Removes an entry.
   * @returns whether it was still there
   */
  remove (expected: ExpectedAck): boolean {
    const entries = this.#byKey.get(expected.key)
    const at = entries?.indexOf(expected) ?? -1
    if (entries === undefined || at === -1) return false
    entries.splice(at, 1)
    if (entries.length === 0) this.#byKey.delete(expected.key)
    this.#size--
    return true
  }

  /** Whether an entry is still there. */
  has (expected: ExpectedAck): boolean {
    return this.#byKey.get(expected.key)?.includes(expected) === true
  }

  /** Those whose entry is stored, in this conversation, under a rev up to this one. */
  storedUpTo (conversation: string, rev: number): ExpectedAck[] {
    return [...this.#byKey.values()].flat().filter(({ stored }) =>
      stored !== undefined && stored.entry.conversation === conversation && stored.entry.rev <= rev)
  }

  /** Resolves when every message that was appended up to now is stored, or is not. */
  async allStored (): Promise<void> {
    await Promise.allSettled([...this.#byKey.values()].flat().map(({ storing }) => storing))
  }

  clear (): void {
    this.#byKey.clear()
    this.#size = 0
  }
}
