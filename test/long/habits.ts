export interface Habit {
  everyMs: number
  work: () => Promise<void>
}

/** Milliseconds between looks at what is due. */
const TICK_MS = 5

/** Begins work at fixed times, whether what began before has ended or not, so that a stall is measured. */
export class Habits {
  readonly #onError: (error: Error) => void
  readonly #underWay = new Set<Promise<void>>()
  #ticking: NodeJS.Timeout | undefined

  constructor (onError: (error: Error) => void) {
    this.#onError = onError
  }

  /** How many pieces of work have not ended. */
  get underWay (): number {
    return this.#underWay.size
  }

  start (habits: Habit[]): void {
    const due = habits.map(habit => ({ ...habit, next: performance.now() }))
    this.#ticking = setInterval(() => {
      for (const habit of due) {
        for (; habit.next <= performance.now(); habit.next += habit.everyMs) this.#begin(habit.work)
      }
    }, TICK_MS)
  }

  stop (): void {
    clearInterval(this.#ticking)
  }

  /** Resolves when all work that began has ended. */
  async ended (): Promise<void> {
    await Promise.all(this.#underWay)
  }

  #begin (work: () => Promise<void>): void {
    const done = work().catch(this.#onError)
    this.#underWay.add(done)
    done.then(() => {
      this.#underWay.delete(done)
    })
  }
}
