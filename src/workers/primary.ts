import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
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

/** With port 0, workers would listen on another port after all of them were replaced. */
async function freePort (host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/**
 * Serves with several processes on one port. This one owns the embedded database and passes messages between
 * the others.
 * @throws where the database cannot start
 */
export async function lead (config: Config): Promise<void> {
  const { stream, ...options } = await loggerOptions(config)
  const log = stream === undefined ? pino(options) : pino(options, stream)
  const embedded = await startEmbedded(config)
  const size = config.WORKERS === 0 ? availableParallelism() : config.WORKERS
  const env = {
    WORKERS: String(size),
    PORT: String(config.PORT === 0 ? await freePort(config.HOST) : config.PORT),
    ...(embedded === undefined ? {} : { MONGODB_URL: embedded.url })
  }
  const crew = new Crew({ size, env, log })
  const close = async () => {
    await crew.close()
    await embedded?.stop()
  }
  endInOrder({ log, delay: CREW_SHUTDOWN_MS, close })
  for (const warning of configWarnings(config)) log.warn(warning)
  const { port } = await crew.start().catch(async () => {
    // The worker said why it cannot start.
    await close()
    process.exit(1)
  })
  log.info(`${startLine(port, config)}, ${size} workers`)
}
