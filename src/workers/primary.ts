import { availableParallelism } from 'node:os'
import { pino } from 'pino'
import type { Config } from '../config.js'
import { configWarnings, startLine } from '../config-texts.js'
import { startEmbedded } from '../database/embedded.js'
import { loggerOptions } from '../http/logger.js'
import { endInOrder, SHUTDOWN_MS } from '../shutdown.js'
import { Crew } from './crew.js'

/** The workers end within SHUTDOWN_MS; the embedded database ends after them. */
const CREW_SHUTDOWN_MS = SHUTDOWN_MS + 3_000

/**
 * Serves with several processes on one port. This one owns the embedded database, accepts connections and
 * passes messages between the others; it does no other work.
 * @throws where the database or a worker cannot start
 */
export async function lead (config: Config): Promise<void> {
  const { stream, ...options } = await loggerOptions(config)
  const log = stream === undefined ? pino(options) : pino(options, stream)
  const embedded = await startEmbedded(config)
  const size = config.WORKERS === 0 ? availableParallelism() : config.WORKERS
  const env = { WORKERS: String(size), ...(embedded === undefined ? {} : { MONGODB_URL: embedded.url }) }
  const crew = new Crew({ size, env, log })
  const close = async () => {
    await crew.close()
    await embedded?.stop()
  }
  endInOrder({ log, delay: CREW_SHUTDOWN_MS, close })
  for (const warning of configWarnings(config)) log.warn(warning)
  const { port } = await crew.start().catch(async error => {
    await close()
    throw error
  })
  log.info(`${startLine(port, config)}, ${size} workers`)
}
