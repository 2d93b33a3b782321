/** The end of a process: by a signal, by an uncaught error, or because somebody asks for it. */
import closeWithGrace from 'close-with-grace'
import type { FastifyBaseLogger } from 'fastify'

/**
 * After a signal a process finishes its writes and closes its sockets. After this time it ends anyway.
 */
export const SHUTDOWN_MS = 9_000

/**
 * Signals without a listener. With one for a real SIGSEGV, SIGBUS, SIGFPE or SIGILL, Node may run in an
 * endless loop (Node's documentation, "Signal events"). A closed terminal and SIGQUIT may end the process at
 * once, because everything that was answered is stored.
 */
const NOT_HANDLED = [
  'SIGHUP', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGUSR2'
] as const

export interface ShutdownOptions {
  log: FastifyBaseLogger
  /** milliseconds that `close` may take */
  delay?: number
  /** further signals that do not end this process */
  ignored?: readonly ('SIGINT' | 'SIGTERM')[]
  close: () => Promise<unknown>
}

/**
 * Ends the process in order, whatever the reason.
 * @returns a function that ends it now
 */
export function endInOrder ({ log, delay = SHUTDOWN_MS, ignored = [], close }: ShutdownOptions): () => void {
  for (const signal of ignored) process.on(signal, () => {})
  const skip = [...NOT_HANDLED, ...ignored]
  const grace = closeWithGrace({ delay, logger: log, skip }, async ({ err, signal }) => {
    if (err !== undefined) log.fatal({ err }, 'uncaught error: shutting down')
    else log.info({ signal }, 'shutting down')
    await close()
  })
  return () => {
    grace.close()
  }
}
