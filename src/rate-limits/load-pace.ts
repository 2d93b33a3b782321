import type { Given } from './token-bucket.js'

/** Above this share of time in which the event loop is busy, requests begin to wait for each other noticeably. */
const BUSY = 0.6
/** Below it there is room again. */
const FREE = 0.5
const SLOWER = 0.7
const FASTER = 1.1
/** 2.5 requests and 5 units of frames a second by default: a person who chats needs less. */
const SLOWEST = 0.05
/** The share of a large burst that stays, however busy the server is. */
const LEAST_BURST = 0.25
/** The weight of a measurement in the average: with four a second, a loop is busy after 0.75 s. */
const WEIGHT = 0.3

/**
 * The share of their allowances that users get now: all of it, or less while the event loop is busy. Whoever
 * uses little notices nothing; whoever uses the allowance as fast as it comes gets less, until the others
 * are served in time.
 */
export class LoadPace implements Given {
  readonly burst = 1
  #average = 0
  #rate = 1

  /** For allowances whose bursts alone can keep the server busy: they shrink as well. */
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
