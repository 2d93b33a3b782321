import type { Given } from './token-bucket.js'

/** If the event loop is busy for a larger share of time, requests wait noticeably for each other. */
const BUSY = 0.6
/** Below this share there is room again. */
const FREE = 0.5
/** What a measurement multiplies the rate by. */
const SLOWER = 0.7
const FASTER = 1.1
/** By default 2.5 requests and 5 units of frames a second: a person who chats needs less. */
const SLOWEST = 0.05
/** The share of a large burst that users keep, however busy the server is. */
const LEAST_BURST = 0.25
/** The weight of a measurement in the average: with four a second, a loop is busy after 0.75 s. */
const WEIGHT = 0.3

/**
 * The share of their allowances that users get: all of it, or less while the event loop is busy. Users with
 * few requests notice nothing. Users who spend their allowance as fast as it refills get less, until the
 * others are served in time.
 */
export class LoadPace implements Given {
  readonly burst = 1
  #average = 0
  #rate = 1

  /** For allowances whose bursts alone can keep the server busy: these bursts shrink too. */
  readonly withBurst: Given = new ShrinkingBurst(this)

  get rate (): number { return this.#rate }

  /** @param utilization share of the last quarter of a second in which the event loop was busy, 0 to 1 */
  measure (utilization: number): void {
    this.#average += (utilization - this.#average) * WEIGHT
    if (this.#average > BUSY) this.#rate = Math.max(SLOWEST, this.#rate * SLOWER)
    else if (this.#average < FREE) this.#rate = Math.min(1, this.#rate * FASTER)
  }
}

class ShrinkingBurst implements Given {
  readonly #pace: LoadPace

  constructor (pace: LoadPace) {
    this.#pace = pace
  }

  get rate (): number { return this.#pace.rate }
  get burst (): number { return Math.max(LEAST_BURST, this.#pace.rate) }
}
