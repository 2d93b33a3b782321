import { startEmbeddedMongo } from './index.js'

/** `npm run embedded-mongo -- DIR`: the server by itself, until it is interrupted. */
const dir = process.argv[2] ?? '-'
try {
  if (dir.startsWith('-')) throw new Error('usage: npm run embedded-mongo -- DIR')
  const { url, stop } = await startEmbeddedMongo({ dir, log: console.error })
  process.on('SIGINT', stop).on('SIGTERM', stop)
  console.log(url)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
