import { cacheOf } from '../cache.js'

/**
 * Remembers values that were read from a collection. It may only be used where no other process writes, and
 * all writes of the values have to go through `write`.
 */
export class ReadCache<V extends NonNullable<unknown>> {
  readonly #values
  /** The keys of each read under way, but those that were written since it began. */
  readonly #reads = new Set<Set<string>>()

  /**
   * @param limit the sum of the sizes of all values that are kept; those that were used last stay
   * @param sizeOf the size of a value, at least 1
   */
  constructor (limit: number, sizeOf: (value: V) => number = () => 1) {
    this.#values = cacheOf<V>(limit, 0, sizeOf)
  }

  /**
   * Finds values by their keys.
   * @param load reads the values that are not known; a value may be missing
   */
  async read (
    keys: string[], load: (unknown: string[]) => Promise<Map<string, V>>
  ): Promise<Map<string, V>> {
    const found = new Map<string, V>()
    const unknown = new Set<string>()
    for (const key of keys) {
      const value = this.#values.get(key)
      if (value === undefined) unknown.add(key)
      else found.set(key, value)
    }
    if (unknown.size === 0) return found
    this.#reads.add(unknown)
    try {
      for (const [key, value] of await load([...unknown])) {
        found.set(key, value)
        // It may be older than what was written meanwhile.
        if (unknown.has(key)) this.#values.set(key, value)
      }
    } finally {
      this.#reads.delete(unknown)
    }
    return found
  }

  /** Carries out a write. What is read before its end is not remembered. */
  async write<T> (keys: string[], write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } finally {
      for (const key of keys) this.#forget(key)
    }
  }

  #forget (key: string): void {
    this.#values.delete(key)
    for (const unknown of this.#reads) unknown.delete(key)
  }
}
