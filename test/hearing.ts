/** Typing and receipts that a device hears: none may come from a group after its user has left it. */
import type { ChatClient, Entry } from 'chat-app-client'
import type { Person } from './chat-log.js'

export class Hearing {
  /** Conversations with typing or receipts. */
  readonly conversations = new Set<string>()
  readonly faults: string[] = []
  /** Groups that the user left while this socket was up to date: from the leaving on, nothing may come. */
  readonly #left = new Set<string>()
  #isCurrent = false

  constructor (client: ChatClient, { id }: Person) {
    client.on('synced', () => {
      this.#isCurrent = true
    })
    client.on('state', ({ state }) => {
      if (state === 'online') return
      // While the device is away, its user may be added again.
      this.#isCurrent = false
      this.#left.clear()
    })
    client.on('change', entry => this.#note(entry, id))
    for (const type of ['typing', 'receipt'] as const) {
      client.on(type, ({ conversation }) => {
        this.conversations.add(conversation)
        if (this.#left.has(conversation)) this.faults.push(`${id} hears ${type} of ${conversation}`)
      })
    }
  }

  #note (entry: Entry, id: string): void {
    if (entry.type !== 'change' || entry.kind !== 'member' || entry.user !== id) return
    if (entry.role !== null) this.#left.delete(entry.conversation)
    else if (this.#isCurrent) this.#left.add(entry.conversation)
  }
}
