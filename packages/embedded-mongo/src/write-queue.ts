/** Longest time that a group of writes holds the thread before it commits. */
const GROUP_MS = 8

/** Runs a change inside a transaction. */
type Change<R> = () => R

/** Settles a change's promise: with its outcome, or with the failure of its transaction. */
type Settle = (failure?: Error) => void

/**
 * A change that waits for its transaction. Run inside the transaction, it returns what settles it afterwards.
 */
export type Job = () => Settle

/** Runs `changes` in one transaction and resolves when it is on the disk. */
type Commit = (changes: () => void) => Promise<void>

export type Write = <R>(change: Change<R>) => Promise<R>

/**
 * Commits changes in the order of their arrival. Changes that arrive while a commit is on its way to the disk
 * go together into the next one.
 *
 *     write() --> jobs [ c d e ]        waiting, in order of arrival
 *                        |
 *                 one transaction       as many as fit into GROUP_MS
 *                        |
 *                 flush to the disk     meanwhile f, g, h arrive and wait
 *                        |
 *                 settle c, d, e        resolve, or reject all with the commit's failure
 */
export class WriteQueue {
  readonly #commit: Commit
  readonly #onIdle: () => void
  readonly #jobs: Job[] = []
  #last: Promise<unknown> = Promise.resolve()

  /** @param onIdle is called after a commit if no other change waits */
  constructor (commit: Commit, onIdle: () => void) {
    this.#commit = commit
    this.#onIdle = onIdle
  }

  /** Runs `change` inside a transaction and resolves when it is on the disk. */
  async write<R> (change: Change<R>): Promise<R> {
    return await new Promise<R>((resolve, reject) => {
      this.#jobs.push(jobFor(change, resolve, reject))
      this.inTurn(async () => await this.#runGroup(this.#jobs)).catch(reject)
    })
  }

  /**
   * Keeps all other writes waiting while `run` reads. Only the function that `run` gets can write meanwhile.
   */
  async hold<R> (run: (write: Write) => Promise<R>): Promise<R> {
    const write: Write = async change => await new Promise((resolve, reject) => {
      this.#runGroup([jobFor(change, resolve, reject)]).catch(reject)
    })
    return await this.inTurn(async () => await run(write))
  }

  /** Runs after everything that was in the queue before. */
  async inTurn<R> (run: () => Promise<R>): Promise<R> {
    const running = this.#last.then(run)
    this.#last = running.catch(() => {})
    return await running
  }

  /** Runs the jobs, as many as the time allows, in one transaction. */
  async #runGroup (jobs: Job[]): Promise<void> {
    if (jobs.length === 0) return // an earlier group took them along
    const settlers: Settle[] = []
    try {
      await this.#commit(() => runJobs(jobs, settlers))
    } catch (error) {
      for (const settle of settlers) settle(error as Error)
      return
    }
    for (const settle of settlers) settle()
    if (this.#jobs.length === 0) this.#onIdle()
  }
}

function runJobs (jobs: Job[], settlers: Settle[]): void {
  const end = performance.now() + GROUP_MS
  while (true) {
    const job = jobs.shift()
    if (job === undefined) return
    settlers.push(job())
    if (performance.now() >= end) return
  }
}

function jobFor<R> (change: Change<R>, resolve: (value: R) => void, reject: (error: unknown) => void): Job {
  return () => {
    try {
      const value = change()
      return failure => {
        if (failure === undefined) resolve(value)
        else reject(failure)
      }
    } catch (error) {
      return failure => reject(failure ?? error)
    }
  }
}
