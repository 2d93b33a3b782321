/** Runs the tasks of a key one after the other, in the order in which they came. */
export class Serial {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Keys with tasks that run or wait. */
  get size (): number { return this.#last.size }

  /** Runs a task after the earlier ones of its key, whether those succeeded or not. */
  async run<T> (key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const result = before.then(task)
    const settled = result.catch(() => {})
    this.#last.set(key, settled)
    try {
      return await result
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key)
    }
  }
}
