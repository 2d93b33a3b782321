/** What a program started and has to end, whatever happens: the part of a test of tap that helpers need. */
import type { Lifetime } from '../server.js'

export class ProgramLifetime implements Lifetime {
  readonly #ends: (() => unknown)[] = []

  teardown (end: () => unknown): void {
    this.#ends.push(end)
  }

  /** Ends everything, the latest first. */
  async end (): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end()
  }
}

/** Runs `work` and ends what it started, also where the program is interrupted. */
export async function within<T> (work: (lifetime: ProgramLifetime) => Promise<T>): Promise<T> {
  const lifetime = new ProgramLifetime()
  const interrupted = () => {
    const exit = () => {
      process.exit(1)
    }
    lifetime.end().then(exit, exit)
  }
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  try {
    return await work(lifetime)
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
    await lifetime.end()
  }
}
