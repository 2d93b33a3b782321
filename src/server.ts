/** Starts the server: configuration from the environment, then one process or several. */
import cluster from 'node:cluster'
import { ConfigError, loadConfig } from './config.js'
import { configHelp } from './config-texts.js'

if (process.argv.includes('--help')) {
  process.stdout.write(configHelp())
} else {
  await main().catch(fail)
}

async function main (): Promise<void> {
  // A configuration that is not valid is refused at once, before anything else is loaded.
  const config = loadConfig(process.env)
  if (config.WORKERS === 1 || cluster.isWorker) {
    const { serve } = await import('./serve.js')
    await serve(config)
  } else {
    const { lead } = await import('./workers/primary.js')
    await lead(config)
  }
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
