import { createHmac, randomBytes } from 'node:crypto'
import type { mongodb } from '../database/driver.js'
import { DUPLICATE_KEY, type SettingsDocument, type UserDocument } from '../database/documents.js'
import { usernameSkeleton } from './names.js'

/** What reserves a name and an address. */
export type Keys = Pick<UserDocument, 'usernameKey' | 'emailKey'> & { skeleton: string }

/** The document of `settings` that holds the secret. */
const SECRET_ID = 'retired-keys'
/** As many as the hash has (NIST SP 800-107, 5.3.4). */
const SECRET_BYTES = 32

/** Accounts of one bulk write while an earlier version's accounts are completed. */
const UPGRADE_BATCH = 500

/** An account of a version without skeletons. An index answers this: a missing field is null to it. */
const NOT_UPGRADED = { skeleton: null } as unknown as mongodb.Filter<UserDocument>

/**
 * The keys of deleted accounts. They stay reserved, but only as HMACs, which tell neither name nor address.
 * The secret is in the database as well, so that no setting is needed: it keeps keys of two deployments apart
 * and prevents tables made before, but whoever has the whole database can test whether a guessed address was
 * deleted.
 */
export class RetiredKeys {
  readonly #secret: Buffer

  constructor (secret: Buffer) {
    this.#secret = secret
  }

  /** Reads the deployment's secret, or makes one. */
  static async load (settings: mongodb.Collection<SettingsDocument>): Promise<RetiredKeys> {
    const find = async () => await settings.findOne({ _id: SECRET_ID })
    let stored = await find()
    if (stored === null) {
      await settings.insertOne({ _id: SECRET_ID, secret: randomBytes(SECRET_BYTES).toString('base64') })
        // Another process was faster: its secret counts.
        .catch(error => { if (error.code !== DUPLICATE_KEY) throw error })
      stored = await find()
    }
    return new RetiredKeys(Buffer.from(stored!.secret, 'base64'))
  }

  /** What a deleted account keeps in place of its keys. */
  of (keys: Keys): Keys {
    return {
      usernameKey: this.#hash('name', keys.usernameKey),
      emailKey: this.#hash('address', keys.emailKey),
      skeleton: this.#hash('look', keys.skeleton)
    }
  }

  /** No name or address has a colon, so a hash equals no key of an open account. */
  #hash (kind: string, key: string): string {
    return `deleted:${createHmac('sha256', this.#secret).update(`${kind} ${key}`).digest('base64url')}`
  }
}

function upgradeOf (user: UserDocument, retired: RetiredKeys): mongodb.UpdateFilter<UserDocument> {
  const { username, usernameKey, emailKey, deletedAt } = user
  if (deletedAt === undefined) return { $set: { skeleton: usernameSkeleton(username) } }
  // The name as it was written is gone.
  const keys = { usernameKey, emailKey, skeleton: usernameSkeleton(usernameKey) }
  return { $set: retired.of(keys), $unset: { lastSeenAt: '' } }
}

/**
 * Completes the accounts of earlier versions: open ones get their skeleton, deleted ones lose their name and
 * address. Two open accounts whose names look alike both stay.
 * @param signal ends it early; the next start goes on
 */
export async function upgradeAccounts (
  users: mongodb.Collection<UserDocument>,
  retired: RetiredKeys,
  signal: AbortSignal
): Promise<void> {
  const projection = { username: 1, usernameKey: 1, emailKey: 1, deletedAt: 1 }
  while (!signal.aborted) {
    const batch = await users.find(NOT_UPGRADED, { projection, signal }).limit(UPGRADE_BATCH).toArray()
    if (batch.length === 0) return
    // The filter spares what a deletion or another process wrote meanwhile.
    const updates = batch.map(user => ({
      updateOne: { filter: { _id: user._id, ...NOT_UPGRADED }, update: upgradeOf(user, retired) }
    }))
    await users.bulkWrite(updates, { ordered: false })
  }
}
