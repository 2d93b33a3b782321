import Queue from 'yocto-queue'

interface Waiter {
  start: () => void
  /** It gave up: its turn is skipped. */
  gone: boolean
}

export interface FairSemaphoreOptions {
  /** Tasks that run at the same time. A function is called whenever a task may start. */
  places: number | (() => number)
  /** Milliseconds that a task waits at most; without it a task waits for as long as it takes. */
  maxWaitMs?: number
  /** Tasks of one key that wait at most; without it their number is not bounded. */
  maxWaitingPerKey?: number
  /** Makes the error of a task that waited too long, or whose key has too many waiting tasks. */
  refusal: () => Error
}

/**
 * Runs a bounded number of tasks at a time. Waiting tasks are grouped by a key, such as an account, and the
 * keys take turns: a key with a thousand waiting tasks delays the first task of another key by one task, not
 * by a thousand. Every operation takes constant time.
 *
 * ```
 * #turns    [ key A ]->[ key B ]          each waiting key once, in the order of their turns
 * #waiting    A: t1->t2->t3   B: t1       the tasks of a key, first come, first served
 * ```
 */
export class FairSemaphore {
  #running = 0
  readonly #turns = new Queue<string>()
  readonly #waiting = new Map<string, Queue<Waiter>>()
  readonly #options: FairSemaphoreOptions

  constructor (options: FairSemaphoreOptions) {
    this.#options = options
  }

  /**
   * Runs a task when its turn has come.
   * @param key tasks of one key run in the order in which they came
   * @param signal takes a waiting task out of the queue; a running one is not touched
   * @returns what the task returns
   * @throws the refusal of the options, the signal's reason, or what the task throws
   */
  async run<T> (key: string, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (this.#hasPlace) this.#running++
    else await this.#waitForTurn(key, signal)
    try {
      return await task()
    } finally {
      this.#release()
    }
  }

  get #hasPlace (): boolean {
    const { places } = this.#options
    return this.#running < (typeof places === 'number' ? places : places())
  }

  async #waitForTurn (key: string, signal: AbortSignal | undefined): Promise<void> {
    const { maxWaitMs, maxWaitingPerKey = Infinity, refusal } = this.#options
    const queue = this.#queueOf(key)
    if (queue.size >= maxWaitingPerKey) throw refusal()
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      const start = () => {
        settle()
        resolve()
      }
      const waiter: Waiter = { start, gone: false }
      const leave = (error: Error) => {
        waiter.gone = true
        settle()
        reject(error)
      }
      const abort = () => leave(signal!.reason)
      const timer = maxWaitMs === undefined ? undefined : setTimeout(() => leave(refusal()), maxWaitMs)
      signal?.addEventListener('abort', abort)
      queue.enqueue(waiter)
    })
  }

  #queueOf (key: string): Queue<Waiter> {
    const known = this.#waiting.get(key)
    if (known !== undefined) return known
    const queue = new Queue<Waiter>()
    this.#waiting.set(key, queue)
    this.#turns.enqueue(key)
    return queue
  }

  /** Frees a place, and starts as many waiting tasks as there are places. */
  #release (): void {
    this.#running--
    while (this.#hasPlace) {
      const key = this.#turns.dequeue()
      if (key === undefined) return
      const queue = this.#waiting.get(key)!
      const next = firstPresent(queue)
      if (queue.size > 0) this.#turns.enqueue(key)
      else this.#waiting.delete(key)
      if (next === undefined) continue
      this.#running++
      next.start()
    }
  }
}

/** Dequeues waiters up to the first one that did not give up. */
function firstPresent (queue: Queue<Waiter>): Waiter | undefined {
  let waiter = queue.dequeue()
  while (waiter?.gone === true) waiter = queue.dequeue()
  return waiter
}
