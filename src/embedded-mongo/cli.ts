import { startEmbeddedMongo } from './index.js'

/** `npm run embedded-mongo -- DIR`: the server by itself, until it is interrupted. */
const dir = process.argv[2]
if (dir === undefined || dir.startsWith('-')) {
  console.error('usage: npm run embedded-mongo -- DIR')
  process.exitCode = 2
} else {
  try {
    const server = await startEmbeddedMongo({ dir, log: line => { console.error(line) } })
    console.log(server.url)
    let stopped: Promise<void> | undefined
    const stop = (): void => { stopped ??= server.stop() }
    process.on('SIGINT', stop).on('SIGTERM', stop)
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
