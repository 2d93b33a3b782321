/** Above this share of time in which the event loop is busy, requests begin to wait for each other noticeably. */
const BUSY = 0.75
/** Below it there is room again. */
const FREE = 0.65
const SLOWER = 0.8
const FASTER = 1.1
/** 2.5 requests and 5 units of frames a second by default: a person who chats needs less. */
const SLOWEST = 0.05

/**
 * The share of their allowances that users get now: all of it, or less while the event loop is busy. Whoever
 * uses little notices nothing, since a quarter of the burst stays; whoever uses the allowance as fast as it
 * comes gets less, until the others are served in time.
 */
export class LoadPace {
  #factor = 1

  /** The share of each rate that is given now. */
  get factor (): number { return this.#factor }

  /** @param utilization share of the last time in which the event loop was busy, 0 to 1 */
  measure (utilization: number): void {
    if (utilization > BUSY) this.#factor = Math.max(SLOWEST, this.#factor * SLOWER)
    else if (utilization < FREE) this.#factor = Math.min(1, this.#factor * FASTER)
  }
}
