/** Starts the server: configuration from the environment, signals, and a graceful close. */
import closeWithGrace from 'close-with-grace'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { buildApp, type App } from './app.js'
import { configHelp, ConfigError, configWarnings, loadConfig, type Config } from './config.js'

/** After a signal: what is being written is finished and sockets are told, then the process goes, whatever hangs. */
const SHUTDOWN_MS = 9_000
/**
 * Connections that wait to be accepted. With Node's 511 a thousand clients that connect at once (a restart)
 * have to repeat their handshakes, some after 15 s. Linux takes net.core.somaxconn, 4,096, where that is less.
 */
const BACKLOG = 4_096

/**
 * Left as they are: a listener for a true SIGSEGV, SIGBUS, SIGFPE or SIGILL would have Node run in circles for ever (Node's
 * documentation, "Signal events"); a terminal that hangs up, or SIGQUIT, may end the process at once, for what was answered is stored.
 */
const NOT_HANDLED = ['SIGHUP', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGUSR2'] as const

if (process.argv.includes('--help')) {
  process.stdout.write(configHelp())
} else {
  await main()
}

async function main (): Promise<void> {
  let app: App
  let config: Config
  try {
    config = loadConfig(process.env)
    app = await buildApp(config)
  } catch (error) {
    fail(error)
  }
  closeWithGrace({ delay: SHUTDOWN_MS, logger: app.log, skip: [...NOT_HANDLED] }, async ({ err, signal }) => {
    if (err !== undefined) app.log.fatal({ err }, 'uncaught error: shutting down')
    else app.log.info({ signal }, 'shutting down')
    await app.close()
  })
  for (const warning of configWarnings(config)) app.log.warn(warning)
  try {
    await app.listen({ port: config.PORT, host: config.HOST, backlog: BACKLOG })
  } catch (error) {
    await app.close()
    fail(error)
  }
  const { port } = app.server.address() as AddressInfo
  const url = `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`
  const data = config.MONGODB_URL === '' ? `data in ${resolve(config.DATA_DIR)}` : 'data in MongoDB (MONGODB_URL)'
  app.log.info(`chat server: ${url}/api/v1, WebSocket ${url.replace('http', 'ws')}/ws, docs ${url}/docs, ${data}`)
}

/** One clear line, and exit code 1. */
function fail (error: unknown): never {
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number }
  const line = code === 'EADDRINUSE' ? `port ${port} is taken: set PORT to another one` : error instanceof ConfigError ? `configuration: ${message}` : message
  process.stderr.write(`cannot start: ${line}\n`)
  process.exit(1)
}
