/** Starts the server: configuration from the environment, signals, and a graceful close. */
import closeWithGrace from 'close-with-grace'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import type { App } from './app.js'
import { configHelp, ConfigError, configWarnings, loadConfig, type Config } from './config.js'
import { startEmbedded } from './database/embedded.js'

/**
 * After a signal the server finishes its writes and closes its sockets. After this time the process ends
 * anyway.
 */
const SHUTDOWN_MS = 9_000
/**
 * Connections that wait to be accepted. With Node's 511, a thousand clients that connect at once, such as
 * after a restart, have to repeat their handshakes, some after 15 s. Linux limits the value to
 * net.core.somaxconn (4,096).
 */
const BACKLOG = 4_096

/**
 * Signals without a listener. With one for a real SIGSEGV, SIGBUS, SIGFPE or SIGILL, Node may run in an
 * endless loop (Node's documentation, "Signal events"). A closed terminal and SIGQUIT may end the process at
 * once, because everything that was answered is stored.
 */
const NOT_HANDLED = [
  'SIGHUP', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGUSR2'
] as const

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
    // A configuration that is not valid is refused at once. Loading the application takes half a second; the
    // database starts on another core meanwhile.
    const embeddedMongo = startEmbedded(config)
    const { buildApp } = await import('./app.js')
    app = await buildApp(config, embeddedMongo)
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
  app.log.info(startLine(app, config))
}

/** Says where the server listens and where its data is. */
function startLine (app: App, { HOST, MONGODB_URL, DATA_DIR }: Config): string {
  const { port } = app.server.address() as AddressInfo
  const address = `${HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`
  const http = `http://${address}`
  const data = MONGODB_URL === '' ? resolve(DATA_DIR) : 'MongoDB (MONGODB_URL)'
  return `chat server: ${http}/api/v1, WebSocket ws://${address}/ws, docs ${http}/docs, data in ${data}`
}

/** Writes one line to stderr and ends the process with exit code 1. */
function fail (error: unknown): never {
  process.stderr.write(`cannot start: ${problemOf(error)}\n`)
  process.exit(1)
}

function problemOf (error: unknown): string {
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE') return `port ${port} is taken: set PORT to another one`
  return error instanceof ConfigError ? `configuration: ${message}` : message
}
