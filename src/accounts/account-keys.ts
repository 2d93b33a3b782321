import { createHmac, randomBytes } from 'node:crypto'
import type { mongodb } from '../database/driver.js'
import { isDuplicateKey, type SettingsDocument, type UserDocument } from '../database/documents.js'
import { usernameSkeleton } from './names.js'

/** The keys that reserve a name and an address. */
export type Keys = Pick<UserDocument, 'usernameKey' | 'emailKey'> & { skeleton: string }

/** The document of `settings` that holds the secret. */
const SECRET_ID = 'retired-keys'
/** As many bytes as the hash has (NIST SP 800-107, 5.3.4). */
const SECRET_BYTES = 32

/** Accounts of one bulk write while accounts of an earlier version are completed. */
const UPGRADE_BATCH = 500

/**
 * Matches accounts of a version without skeletons. An index answers it, because a missing field is null
 * there.
 */
const NOT_UPGRADED = { skeleton: null } as unknown as mongodb.Filter<UserDocument>

/**
 * Makes the keys of deleted accounts. They stay reserved, as HMACs that reveal neither name nor address. The
 * secret is in the database too, so that no setting is needed. It keeps the keys of two deployments apart and
 * makes precomputed tables useless. Someone with the whole database can still test whether a guessed address
 * belonged to a deleted account.
 */
export class RetiredKeys {
  readonly #secret: Buffer

  constructor (secret: Buffer) {
    this.#secret = secret
  }

  /** Reads the deployment's secret, or creates it. */
  static async load (settings: mongodb.Collection<SettingsDocument>): Promise<RetiredKeys> {
    const find = async () => await settings.findOne({ _id: SECRET_ID })
    let stored = await find()
    if (stored === null) {
      await createSecret(settings)
      stored = await find()
    }
    return new RetiredKeys(Buffer.from(stored!.secret, 'base64'))
  }

  /** The keys that a deleted account keeps instead of its own. */
  of (keys: Keys): Keys {
    return {
      usernameKey: this.#hash('name', keys.usernameKey),
      emailKey: this.#hash('address', keys.emailKey),
      skeleton: this.#hash('look', keys.skeleton)
    }
  }

  /** Names and addresses have no colon, so a hash never equals the key of an open account. */
  #hash (kind: string, key: string): string {
    return `deleted:${createHmac('sha256', this.#secret).update(`${kind} ${key}`).digest('base64url')}`
  }
}

async function createSecret (settings: mongodb.Collection<SettingsDocument>): Promise<void> {
  try {
    const secret = randomBytes(SECRET_BYTES).toString('base64')
    await settings.insertOne({ _id: SECRET_ID, secret })
  } catch (error) {
    // If another process was faster, its secret counts.
    if (!isDuplicateKey(error)) throw error
  }
}

function upgradeOf (user: UserDocument, retired: RetiredKeys): mongodb.UpdateFilter<UserDocument> {
  const { username, usernameKey, emailKey, deletedAt } = user
  if (deletedAt === undefined) return { $set: { skeleton: usernameSkeleton(username) } }
  // The original spelling of the name was deleted.
  const keys = { usernameKey, emailKey, skeleton: usernameSkeleton(usernameKey) }
  return { $set: retired.of(keys), $unset: { lastSeenAt: '' } }
}

/**
 * Completes the accounts of earlier versions: open ones get their skeleton, deleted ones lose their name and
 * address. Two open accounts whose names look alike both stay.
 * @param signal stops it early; the next start continues
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
    // The filter skips accounts that a deletion or another process has changed meanwhile.
    const updates = batch.map(user => ({
      updateOne: { filter: { _id: user._id, ...NOT_UPGRADED }, update: upgradeOf(user, retired) }
    }))
    await users.bulkWrite(updates, { ordered: false })
  }
}
