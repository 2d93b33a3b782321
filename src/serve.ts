import cluster from 'node:cluster'
import type { AddressInfo } from 'node:net'
import { configWarnings, startLine } from './config-texts.js'
import type { Config } from './config.js'
import { startEmbedded } from './database/embedded.js'
import { endInOrder } from './shutdown.js'

/**
 * Connections that wait to be accepted. With Node's 511, a thousand clients that connect at once, such as
 * after a restart, have to repeat their handshakes, some after 15 s. Linux limits the value to
 * net.core.somaxconn (4,096).
 */
const BACKLOG = 4_096

/**
 * Serves in this process.
 * @throws where the database does not answer, or the port cannot be had
 */
export async function serve (config: Config): Promise<void> {
  // Loading the application takes half a second; the database starts on another core meanwhile.
  const embeddedMongo = startEmbedded(config)
  const { buildApp } = await import('./app.js')
  const app = await buildApp(config, embeddedMongo)
  const close = async () => await app.close()
  if (cluster.isWorker) {
    const { onEnd, SIGNALS_OF_GROUPS } = await import('./workers/worker.js')
    onEnd(endInOrder({ log: app.log, ignored: SIGNALS_OF_GROUPS, close }))
  } else {
    endInOrder({ log: app.log, close })
    for (const warning of configWarnings(config)) app.log.warn(warning)
  }
  try {
    await app.listen({ port: config.PORT, host: config.HOST, backlog: BACKLOG })
  } catch (error) {
    await app.close()
    throw error
  }
  const { port } = app.server.address() as AddressInfo
  if (cluster.isPrimary) app.log.info(startLine(port, config))
}
