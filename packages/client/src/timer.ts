/** The client's time and timers. Tests pass their own. */
export interface Clock {
  /** milliseconds that never go back */
  now (): number
  setTimeout (run: () => void, ms: number): unknown
  clearTimeout (handle: unknown): void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: handle => clearTimeout(handle as number)
}

/** One timer. Setting it again replaces the earlier time. */
export class Timer {
  #handle: unknown
  readonly #clock: Clock

  constructor (clock: Clock) {
    this.#clock = clock
  }

  set (ms: number, run: () => void): void {
    this.clear()
    this.#handle = this.#clock.setTimeout(run, ms)
  }

  clear (): void {
    if (this.#handle !== undefined) this.#clock.clearTimeout(this.#handle)
    this.#handle = undefined
  }

  /** Resolves after this time, or never if the timer is cleared or set before. */
  sleep (ms: number): Promise<void> {
    return new Promise(resolve => this.set(ms, resolve))
  }
}
