/** The server ends a typing notice after 5 s unless it is repeated. */
const TYPING_AGAIN_MS = 3000

/** When this connection last said that the user types, by user or conversation. */
export class TypingTimes {
  readonly #saidAt = new Map<string, number>()

  clear (): void { this.#saidAt.clear() }

  /** Whether the server still shows what was said. */
  isFresh (to: string, on: boolean, now: number): boolean {
    return on && now - (this.#saidAt.get(to) ?? -Infinity) < TYPING_AGAIN_MS
  }

  said (to: string, on: boolean, now: number): void {
    if (on) this.#saidAt.set(to, now)
    else this.#saidAt.delete(to)
  }
}
