// `npm run embedded-mongo -- DIR`: runs the server alone until it is interrupted, and prints its URL.
import { startEmbeddedMongo } from './index.js'

const dir = process.argv[2]
try {
  if (dir === undefined || dir.startsWith('-')) throw new Error('usage: npm run embedded-mongo -- DIR')
  const { url, stop } = await startEmbeddedMongo({ dir, log: console.error })
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  console.log(url)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
