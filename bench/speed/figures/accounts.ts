/** How fast people log in, beside the hash alone. */
import { hash, verify } from '@node-rs/argon2'
import { availableParallelism } from 'node:os'
import { PARAMETERS } from '../../../src/accounts/passwords.js'
import { inParallel, logIn, PASSWORD } from '../client.js'
import { measure, type Figure } from '../figure.js'
import { flow } from '../flow.js'
import { HttpConnection } from '../http-client.js'

const DEVICES = 16
const BARE = 60

/** Hashes a second of @node-rs/argon2 with the server's parameters, on all cores. */
async function bareSpeed (): Promise<number> {
  const stored = await hash(PASSWORD, PARAMETERS)
  const since = performance.now()
  await inParallel(BARE, availableParallelism(), () => verify(stored, PASSWORD))
  return BARE * 1_000 / (performance.now() - since)
}

export const login: Figure = {
  name: 'login',
  measures: [
    measure('perSecond', 'login', 'logins/s', true),
    measure('share', 'login: share of bare @node-rs/argon2 with the same parameters', '%', true),
    measure('cpuMs', 'login: CPU', 'ms')
  ],
  servers: ['server', 'classic'],
  async run ({ running, senders, settings }) {
    const connections = await inParallel(DEVICES, DEVICES, () => HttpConnection.open(running.origin))
    const before = await bareSpeed()
    const { perSecond, cpuMs, load } = await flow(running, DEVICES, settings.quick ? 2 : 5, async lane => {
      await logIn(connections[lane]!, senders[lane]!)
      return true
    })
    const bare = (before + await bareSpeed()) / 2
    for (const connection of connections) connection.close()
    // Only the server hashes with argon2id.
    const values: Record<string, number> = { perSecond, cpuMs }
    if (running.name === 'server') values.share = 100 * perSecond / bare
    return { values, load }
  }
}
