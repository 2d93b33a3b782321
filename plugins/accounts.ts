import fp from 'fastify-plugin'
import { RetiredKeys, upgradeAccounts } from '../src/accounts/account-keys.js'
import { KnownAccounts } from '../src/accounts/known-accounts.js'
import type { Known } from '../src/concurrency/known.js'
import { collection } from '../src/database/documents.js'

declare module 'fastify' {
  interface FastifyInstance {
    accounts: Accounts
  }
}

export interface Accounts {
  /** Whether there is an account with this id (24 hex digits) that was not deleted. */
  exists (id: string): Known<boolean>
  /** The account was deleted: every process asks the database the next time. */
  forget (id: string): void
  /** The keys of deleted accounts, which stay reserved. */
  readonly retired: RetiredKeys
  /** Resolves when the accounts of earlier versions are complete. */
  readonly upgraded: Promise<void>
}

/** `fastify.accounts`: which accounts there are. */
export default fp(async function accountsPlugin (fastify) {
  const { bus, users } = fastify
  const known = new KnownAccounts(users)
  bus.onMessage('account-deleted', ({ user }) => known.forget(user))
  await bus.subscribe('accounts')

  const retired = await RetiredKeys.load(collection(fastify, 'settings'))
  const closing = new AbortController()
  // In the background: a large database must not delay the start, nor fail it.
  const upgrade = upgradeAccounts(collection(fastify, 'users'), retired, closing.signal)
  const upgraded = upgrade.catch((error: unknown) => {
    if (closing.signal.aborted) return
    const text = 'accounts of an earlier version were not completed; the next start goes on'
    fastify.log.error({ err: error }, text)
  })
  fastify.addHook('onClose', async () => {
    closing.abort()
    await upgraded
  })

  fastify.decorate('accounts', {
    retired,
    upgraded,
    exists: id => known.exists(id),
    forget: id => { bus.publish('accounts', { type: 'account-deleted', user: id }) }
  })
}, { name: 'accounts', dependencies: ['bus', 'users'] })
