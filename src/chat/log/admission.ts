/**
 * Bounds the sends that wait for the database: how many they are, how many bytes they hold, and how long each
 * waits.
 */
import { apiError } from '../../http/errors.js'

/**
 * What a waiting message costs beside its text: document, promises and entries of maps, measured at about 1
 * KiB.
 */
const OVERHEAD_BYTES = 1024
/**
 * Seconds after which a refused sender should try again: the waiting sends are stored or given up by then.
 */
const FULL_RETRY_SECONDS = 1
const UNKNOWN_RETRY_SECONDS = 2

export interface AdmissionLimits {
  /** sends that wait at most */
  sends: number
  /** bytes of their texts, and of what goes with them, at most */
  bytes: number
  /** milliseconds that each waits at most */
  waitMs: number
}

/** A send that was let in: it counts among the waiting ones until it leaves. */
export interface Admission {
  readonly expired: boolean
  /**
   * Waits for some work of this send, until its time is over.
   * @throws unavailable when the time is over; the work itself goes on
   */
  within<T> (work: Promise<T>): Promise<T>
  /** Registers what is told, once, when the time is over; replaces what was registered before. */
  onExpire (listener: (error: Error) => void): void
  /** The send was answered, one way or the other. May be called again. */
  leave (): void
}

/**
 * Lets sends in, and ends their time: all wait equally long, so that the first that came is the first that
 * expires.
 */
export class AdmissionControl {
  readonly #limits: AdmissionLimits
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor (limits: AdmissionLimits) { this.#limits = limits }

  /**
   * Lets a send in, with the time that it has.
   * @throws unavailable where too many, or too large ones, are waiting
   */
  admit (message: string): Admission {
    const bytes = Buffer.byteLength(message) + OVERHEAD_BYTES
    if (this.#waiting.size >= this.#limits.sends || this.#bytes + bytes > this.#limits.bytes) {
      const retryAfter = FULL_RETRY_SECONDS
      throw apiError('unavailable', 'too many messages are waiting to be stored', '', { retryAfter })
    }
    const waiting = new Waiting(this, performance.now() + this.#limits.waitMs, bytes)
    this.#waiting.add(waiting)
    this.#bytes += bytes
    this.#timer ??= setTimeout(this.#sweep, this.#limits.waitMs)
    return waiting
  }

  /** A send left; called by itself. */
  release (waiting: Waiting): void {
    if (!this.#waiting.delete(waiting)) return
    this.#bytes -= waiting.bytes
    if (this.#waiting.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  readonly #sweep = (): void => {
    this.#timer = undefined
    const now = performance.now()
    for (const waiting of this.#waiting) {
      // A timer may fire up to a millisecond early.
      if (waiting.deadline > now + 1) {
        this.#timer = setTimeout(this.#sweep, waiting.deadline - now)
        return
      }
      waiting.expire()
    }
  }
}

class Waiting implements Admission {
  expired = false
  readonly deadline: number
  readonly bytes: number
  readonly #control: AdmissionControl
  #listener: ((error: Error) => void) | undefined

  constructor (control: AdmissionControl, deadline: number, bytes: number) {
    this.#control = control
    this.deadline = deadline
    this.bytes = bytes
  }

  async within<T> (work: Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      this.onExpire(reject)
      work.then(resolve, reject)
    })
  }

  onExpire (listener: (error: Error) => void): void {
    this.#listener = listener
    if (this.expired) listener(outcomeUnknown())
  }

  leave (): void { this.#control.release(this) }

  expire (): void {
    this.expired = true
    this.leave()
    this.#listener?.(outcomeUnknown())
  }
}

function outcomeUnknown (): Error {
  const detail = 'whether the message was stored is not known; repeat it with the same clientId'
  return apiError('unavailable', detail, '', { retryAfter: UNKNOWN_RETRY_SECONDS })
}
