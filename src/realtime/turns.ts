import Queue from 'yocto-queue'

/**
 * Works on a bounded number of items at a time, first come, first served. A waiting item costs one node of a
 * list: one socket may have thousands. What the work needs of the database is shared fairly between users by
 * a FairSemaphore.
 */
export class Turns<Item> {
  readonly #waiting = new Queue<Item>()
  readonly #places: number
  readonly #work: (item: Item) => Promise<void>
  #running = 0

  /**
   * @param places items that are worked on at the same time
   * @param work must not reject
   */
  constructor (places: number, work: (item: Item) => Promise<void>) {
    this.#places = places
    this.#work = work
  }

  add (item: Item): void {
    this.#waiting.enqueue(item)
    this.#start()
  }

  /** Drops what waits. */
  clear (): void { this.#waiting.clear() }

  #start (): void {
    while (this.#running < this.#places) {
      const item = this.#waiting.dequeue()
      if (item === undefined) return
      this.#running++
      this.#work(item).finally(() => {
        this.#running--
        this.#start()
      })
    }
  }
}
