import type { Outgoing } from './outgoing.js'
import { Timer, type Clock } from './timer.js'

/** What a client needs to go on after a restart of the application, as plain JSON. */
export interface SavedState {
  /** conversation -> the rev of the last delivered entry */
  have: Record<string, number>
  /** messages and changes without an answer, in order */
  pending: Outgoing[]
}

/**
 * How long changes of the state are collected. What was delivered since the last save is delivered again
 * after a crash; nothing is lost or stored twice.
 */
const GATHER_MS = 100

/** Hands the state to the application some time after it changed. */
export class Saving {
  readonly #save: ((state: SavedState) => void) | undefined
  readonly #state: () => SavedState
  readonly #timer: Timer
  #waiting = false

  /** @param save undefined: nothing is saved */
  constructor (save: ((state: SavedState) => void) | undefined, state: () => SavedState, clock: Clock) {
    this.#save = save
    this.#state = state
    this.#timer = new Timer(clock)
  }

  /** The state may have changed. */
  touch (): void {
    if (this.#save === undefined || this.#waiting) return
    this.#waiting = true
    this.#timer.set(GATHER_MS, () => this.flush())
  }

  /** Saves now what waits. */
  flush (): void {
    if (!this.#waiting) return
    this.#waiting = false
    this.#timer.clear()
    this.#save!(this.#state())
  }
}
