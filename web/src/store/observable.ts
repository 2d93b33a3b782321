/** Something that React can watch: its version grows with each change. */
export class Observable {
  readonly #listeners = new Set<() => void>()
  #version = 0
  #isPlanned = false

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly version = (): number => this.#version

  /** Tells the listeners, once for all changes of the same task. */
  changed (): void {
    this.#version++
    if (this.#isPlanned) return
    this.#isPlanned = true
    queueMicrotask(() => {
      this.#isPlanned = false
      for (const listener of this.#listeners) listener()
    })
  }
}
