import { MongoError } from './errors.js'

/** Longest time that a reader keeps the thread before it lets other work in. */
const SLICE_MS = 4

/** The time of an operation: its pauses for other work, and its end by maxTimeMS. */
export class Turn {
  #since = performance.now()
  readonly #deadline: number

  /** @param maxTimeMS 0: without limit */
  constructor (maxTimeMS: number) {
    this.#deadline = maxTimeMS === 0 ? Infinity : this.#since + maxTimeMS
  }

  get isDue (): boolean { return performance.now() - this.#since > SLICE_MS }

  /**
   * Lets other work in.
   *
   * @throws MongoError MaxTimeMSExpired (50)
   */
  async pause (): Promise<void> {
    if (performance.now() > this.#deadline) throw new MongoError(50, 'operation exceeded time limit')
    await new Promise(resolve => setImmediate(resolve))
    this.#since = performance.now()
  }
}
