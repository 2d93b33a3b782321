/** An answer that takes longer, in milliseconds, counts as missing. */
const ANSWER_MS = 2_000

/** Waits for an answer; rejects with this message where it takes too long. */
export async function inTime<T> (answer: Promise<T>, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ANSWER_MS)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Questions to another process, which answers each by its number. */
export class Questions<T> {
  readonly #waiting = new Map<number, (answer: T) => void>()
  #last = 0

  /**
   * Asks, and waits for the answer; rejects where it takes too long.
   * @param send sends the question with this number
   */
  async ask (send: (id: number) => Promise<void>): Promise<T> {
    const id = ++this.#last
    const answer = new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, resolve)
      send(id).catch(reject)
    })
    try {
      return await inTime(answer, 'the primary process does not answer')
    } finally {
      this.#waiting.delete(id)
    }
  }

  /** The answer came; one that nobody waits for any more is dropped. */
  answer (id: number, answer: T): void { this.#waiting.get(id)?.(answer) }
}
