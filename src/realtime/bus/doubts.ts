/** Doubts are repeated after this time: summaries may be behind by a second (src/chat/log/summaries.ts). */
const AGAIN_MS = 1_500

/** Whom to tell that messages may have been lost. */
export class Doubts {
  readonly #listeners: (() => void)[] = []
  #again: NodeJS.Timeout | undefined

  onDoubt (listener: () => void): void { this.#listeners.push(listener) }

  /** Tells the listeners now, and once more when summaries are up to date. */
  raise (): void {
    clearTimeout(this.#again)
    this.#tell()
    this.#again = setTimeout(() => this.#tell(), AGAIN_MS)
  }

  close (): void { clearTimeout(this.#again) }

  #tell (): void {
    for (const listener of this.#listeners) listener()
  }
}
