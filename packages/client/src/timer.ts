/** Time as the client sees it; a test hands in its own. */
export interface Clock {
  /** milliseconds, only ever growing */
  now (): number
  setTimeout (run: () => void, ms: number): unknown
  clearTimeout (handle: unknown): void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: handle => clearTimeout(handle as number)
}

/** One alarm: setting it again replaces the time before. */
export class Timer {
  private handle: unknown

  constructor (private readonly clock: Clock) {}

  set (ms: number, run: () => void): void {
    this.clear()
    this.handle = this.clock.setTimeout(run, ms)
  }

  clear (): void {
    if (this.handle !== undefined) this.clock.clearTimeout(this.handle)
    this.handle = undefined
  }

  /** Resolves after so long; never, if it is cleared before. */
  sleep (ms: number): Promise<void> { return new Promise(resolve => this.set(ms, resolve)) }
}
