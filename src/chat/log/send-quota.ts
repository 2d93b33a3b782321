/**
 * Bounds the sends that wait for the database: how many they are, how many bytes they hold, and how long each
 * waits.
 */
import type { Known } from '../../concurrency/known.js'
import { apiError } from '../../errors.js'

/**
 * What a waiting message takes besides its text: document, promises and entries of maps; about 1 KiB,
 * measured.
 */
const OVERHEAD_BYTES = 1024
/**
 * Seconds after which a sender should try again who found no place: by then others were stored or given up.
 */
const FULL_RETRY_SECONDS = 1
/** Seconds after which a sender should try again whose time is over. */
const UNKNOWN_RETRY_SECONDS = 2

export interface SendLimits {
  /** sends that wait at most */
  sends: number
  /** bytes of their texts, and of what goes with them, at most */
  bytes: number
  /** milliseconds that each waits at most */
  waitMs: number
}

/** The place of a waiting send: it counts until it is released. */
export interface Reservation {
  readonly expired: boolean
  /**
   * Waits for some work of this send, until its time is over.
   * @throws ApiError `unavailable` when the time is over; the work itself goes on
   */
  within<T> (work: Known<T>): Known<T>
  /** Registers a listener that is called once, when the time is over; it replaces the one before. */
  onExpire (listener: (error: Error) => void): void
  /** Frees the place, once the send was answered one way or the other. May be called again. */
  release (): void
}

/**
 * Bounds the waiting sends, and ends their time. All may wait equally long, so the first that came is the
 * first that expires.
 */
export class SendQuota {
  readonly #limits: SendLimits
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor (limits: SendLimits) { this.#limits = limits }

  /**
   * Reserves a place for a send; its time begins.
   * @throws ApiError `unavailable` where too many sends, or too large ones, are waiting
   */
  reserve (message: string): Reservation {
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

  /** Called by the reservation itself. */
  free (waiting: Waiting): void {
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

class Waiting implements Reservation {
  expired = false
  readonly deadline: number
  readonly bytes: number
  readonly #quota: SendQuota
  #listener: ((error: Error) => void) | undefined

  constructor (quota: SendQuota, deadline: number, bytes: number) {
    this.#quota = quota
    this.deadline = deadline
    this.bytes = bytes
  }

  within<T> (work: Known<T>): Known<T> {
    if (!(work instanceof Promise)) return work
    return new Promise<T>((resolve, reject) => {
      this.onExpire(reject)
      work.then(resolve, reject)
    })
  }

  onExpire (listener: (error: Error) => void): void {
    this.#listener = listener
    if (this.expired) listener(outcomeUnknown())
  }

  release (): void { this.#quota.free(this) }

  expire (): void {
    this.expired = true
    this.release()
    this.#listener?.(outcomeUnknown())
  }
}

function outcomeUnknown (): Error {
  const detail = 'whether the message was stored is not known; repeat it with the same clientId'
  return apiError('unavailable', detail, '', { retryAfter: UNKNOWN_RETRY_SECONDS })
}
