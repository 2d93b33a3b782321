import { fold, placeOf, type Entry, type Folded } from './fold.js'
import type { Message } from 'chat-protocol'

/** Conversations whose state is kept: with 200 messages each, 20,000 messages. */
const KEPT_CONVERSATIONS = 100

/** The present state of the conversations that changed last, folded from the entries that were delivered. */
export class Views {
  /** the last changed is the last one */
  readonly #states = new Map<string, Folded>()

  /** Folds an entry. One that does not follow the state begins a new one. */
  apply (entry: Entry): void {
    const { conversation, rev } = placeOf(entry)
    const known = this.#states.get(conversation)
    const state = fold(known?.rev === rev - 1 ? known : undefined, entry)
    this.#states.delete(conversation)
    this.#states.set(conversation, state)
    if (this.#states.size <= KEPT_CONVERSATIONS) return
    const [oldest] = this.#states.keys()
    this.#states.delete(oldest!)
  }

  /** The newest delivered messages in their present state, ascending. */
  messages (conversation: string): readonly Message[] {
    return this.#states.get(conversation)?.messages ?? []
  }

  forget (conversation: string): void { this.#states.delete(conversation) }
}
