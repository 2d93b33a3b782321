// An embedded server in a process of its own, for tests that kill, starve or attack it. Arguments: directory,
// mode.
import { startEmbeddedMongo } from '../src/index.js'

const [dir = '', mode] = process.argv.slice(2)
try {
  const server = await startEmbeddedMongo({ dir, noSync: mode === 'noSync' })
  process.on('message', async request => {
    if (request === 'memory') process.send!({ rss: process.memoryUsage.rss() })
    else await server.stop().finally(() => process.disconnect())
  })
  process.send!({ url: server.url, socketPath: server.socketPath })
} catch (err) {
  process.send!({ error: (err as Error).message }, () => process.disconnect())
}
// The server ends with its test.
process.on('disconnect', () => process.exit())
