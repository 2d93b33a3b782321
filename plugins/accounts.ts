import { mongodb } from '@fastify/mongodb'
import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { RetiredKeys, upgradeAccounts } from '../src/accounts/account-keys.js'
import { collection } from '../src/database/documents.js'

declare module 'fastify' {
  interface FastifyInstance {
    accounts: Accounts
  }
}

export interface Accounts {
  /** Whether there is an account with this id (24 hex digits) that was not deleted. Sending a message asks it each time. */
  exists (id: string): Promise<boolean>
  /** Has the next question asked of the database: the account was deleted. */
  forget (id: string): void
  /** The keys of deleted accounts, which stay reserved. */
  readonly retired: RetiredKeys
  /** Resolves when the accounts of earlier versions are complete. */
  readonly upgraded: Promise<void>
}

/** Ids that are remembered: about as many as there are sockets. Memory for their places is set aside at once. */
const CACHE_SIZE = 20_000
/** How long an account that another process deleted may still be written to; the messages stay with the sender. */
const CACHE_MS = 60_000

/** `fastify.accounts`: which accounts there are. Only "yes" is remembered, for a new account must be there at once. */
export default fp(async function accountsPlugin (fastify) {
  const users = collection(fastify, 'users')
  const known = new LRUCache<string, true>({ max: CACHE_SIZE, ttl: CACHE_MS })
  /** Questions under way: while the database is slow, many sends ask for the same account. */
  const asked = new Map<string, Promise<boolean>>()

  async function ask (id: string): Promise<boolean> {
    const active = { _id: new mongodb.ObjectId(id), deletedAt: { $exists: false } }
    const found = await users.findOne(active, { projection: { _id: 1 } })
    return found !== null
  }

  function begin (id: string): Promise<boolean> {
    const question = ask(id)
    asked.set(id, question)
    const end = (exists: boolean) => {
      // It was forgotten meanwhile.
      if (asked.get(id) !== question) return
      asked.delete(id)
      if (exists) known.set(id, true)
    }
    question.then(end, () => { end(false) })
    return question
  }

  const retired = await RetiredKeys.load(collection(fastify, 'settings'))
  const closing = new AbortController()
  // In the background: a large database must not delay the start, nor fail it.
  const upgraded = upgradeAccounts(users, retired, closing.signal)
    .catch(error => {
      if (closing.signal.aborted) return
      fastify.log.error({ err: error }, 'accounts of an earlier version were not completed; the next start goes on')
    })
  fastify.addHook('onClose', async () => {
    closing.abort()
    await upgraded
  })

  fastify.decorate('accounts', {
    retired,
    upgraded,
    async exists (id) {
      if (known.has(id)) return true
      return await (asked.get(id) ?? begin(id))
    },
    forget (id) {
      known.delete(id)
      asked.delete(id)
    }
  })
}, { name: 'accounts', dependencies: ['mongodb'] })
