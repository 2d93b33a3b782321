import { FairSemaphore, type FairSemaphoreOptions } from './fair-semaphore.js'

interface Lane {
  semaphore: FairSemaphore
  /** Tasks that run or wait. A lane without tasks is forgotten. */
  tasks: number
}

/**
 * Runs one task of each lane at a time. Lanes are independent of each other; in a lane the keys take turns
 * (src/concurrency/fair-semaphore.ts).
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>()
  readonly #options: FairSemaphoreOptions

  constructor (options: Omit<FairSemaphoreOptions, 'places'>) {
    this.#options = { ...options, places: 1 }
  }

  /** How many lanes have a task. */
  get size (): number { return this.#lanes.size }

  /**
   * Runs a task when its lane is free and its key's turn has come.
   * @returns what the task returns
   * @throws the refusal of the options, or what the task throws
   */
  async run<T> (name: string, key: string, task: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(name) ?? { semaphore: new FairSemaphore(this.#options), tasks: 0 }
    this.#lanes.set(name, lane)
    lane.tasks++
    try {
      return await lane.semaphore.run(key, task)
    } finally {
      lane.tasks--
      if (lane.tasks === 0) this.#lanes.delete(name)
    }
  }
}
