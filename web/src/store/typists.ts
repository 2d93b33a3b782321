/** The server forgets a typing notice after this time unless it is repeated. */
const TYPING_MS = 6_000

/** Who types where. A notice ends by itself. */
export class Typists {
  /** conversation -> user -> the timer that ends it */
  readonly #all = new Map<string, Map<string, number>>()
  readonly #changed: () => void

  constructor (changed: () => void) {
    this.#changed = changed
  }

  in (conversation: string): string[] { return [...this.#all.get(conversation)?.keys() ?? []] }

  begin (conversation: string, user: string): void {
    this.end(conversation, user)
    const typists = this.#all.get(conversation) ?? new Map<string, number>()
    typists.set(user, window.setTimeout(() => this.end(conversation, user), TYPING_MS))
    this.#all.set(conversation, typists)
    this.#changed()
  }

  end (conversation: string, user: string): void {
    const typists = this.#all.get(conversation)
    clearTimeout(typists?.get(user))
    if (typists?.delete(user) === true) this.#changed()
  }
}
