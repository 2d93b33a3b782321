import { isDuplicateKey, type UserDocument } from '../database/documents.js'
import { mongodb } from '../database/driver.js'
import { ReadCache } from '../database/read-cache.js'
import { duplicateKey } from '../errors.js'
import type { Keys } from './account-keys.js'
import { noSession, type Caller } from './sessions.js'
import { PUBLIC_FIELDS, userBytes, type PublicFields } from './users.js'

/** The one definition of an open account. */
const NOT_DELETED = { deletedAt: { $exists: false } }

/** Sorts after every string that begins with a prefix: no code point is higher. */
const LAST = '\u{10FFFF}'

/** What is kept in memory of users as others see them: 1,000 with an emoji, 180 with the largest avatars. */
const PUBLIC_BYTES = 8 * 1024 * 1024

/** Users that the database sends at once. */
const BATCH = 100

const LISTED_FIELDS = { username: 1, usernameKey: 1, avatarImage: 1, isAvatarImageSet: 1 } as const

export type ListedUser = Pick<UserDocument, '_id' | keyof typeof LISTED_FIELDS>

export interface UserListQuery {
  /** Id of the user that is left out. */
  except: string
  /** Beginning of the usernameKey. */
  prefix: string
  /** The usernameKey to continue after. */
  after?: string | undefined
  limit: number
}

/** The collection `users`. Ids are 24 hex digits; deleted accounts are not found. */
export class UserRepository {
  readonly #documents: mongodb.Collection<UserDocument>
  /** What others see of users, by id. */
  readonly #public: ReadCache<PublicFields> | undefined

  /** @param alone whether only this process writes: then users need not be read again */
  constructor (documents: mongodb.Collection<UserDocument>, alone: boolean) {
    this.#documents = documents
    this.#public = alone ? new ReadCache(PUBLIC_BYTES, userBytes) : undefined
  }

  async find (id: string): Promise<UserDocument | null> {
    return await this.#documents.findOne({ _id: new mongodb.ObjectId(id), ...NOT_DELETED })
  }

  /**
   * Finds the caller's own account.
   * @throws ApiError `unauthorized` if it was deleted a moment ago
   */
  async ofCaller ({ user }: Caller): Promise<UserDocument> {
    const found = await this.find(user)
    if (found === null) throw noSession()
    return found
  }

  async findByKey (usernameKey: string): Promise<UserDocument | null> {
    return await this.#documents.findOne({ usernameKey, ...NOT_DELETED })
  }

  /** Whether an account has this id and this usernameKey. */
  async has (id: string, usernameKey: string): Promise<boolean> {
    return await this.#exists({ _id: new mongodb.ObjectId(id), usernameKey })
  }

  /** Whether an account with this id exists. */
  async exists (id: string): Promise<boolean> {
    return await this.#exists({ _id: new mongodb.ObjectId(id), ...NOT_DELETED })
  }

  /** Finds what others see of users, by id. The result includes deleted accounts. */
  async findMany (ids: string[]): Promise<Map<string, PublicFields>> {
    const read = async (unknown: string[]) => await this.#readPublic(unknown)
    return await (this.#public?.read(ids, read) ?? read(ids))
  }

  /** Reads when users were last seen, by id. The time of a user who was never seen is undefined. */
  async lastSeen (ids: string[]): Promise<Map<string, Date | undefined>> {
    const filter = { _id: { $in: objectIds(ids) }, ...NOT_DELETED }
    const seen = await this.#documents.find(filter, { projection: { lastSeenAt: 1 } }).toArray()
    return new Map(seen.map(({ _id, lastSeenAt }) => [_id.toHexString(), lastSeenAt]))
  }

  /**
   * Stores when a user was last seen. The time never goes back.
   * @returns whether the user exists
   */
  async setLastSeen (id: string, lastSeenAt: Date): Promise<boolean> {
    const filter = { _id: new mongodb.ObjectId(id), ...NOT_DELETED }
    const { matchedCount } = await this.#documents.updateOne(filter, { $max: { lastSeenAt } })
    return matchedCount === 1
  }

  /** The same for several users. The driver does not repeat this command if the connection is lost. */
  async setLastSeenOfAll (ids: string[], lastSeenAt: Date): Promise<void> {
    const filter = { _id: { $in: objectIds(ids) }, ...NOT_DELETED }
    await this.#documents.updateMany(filter, { $max: { lastSeenAt } })
  }

  /** The stored hash of an account; undefined if the account was deleted. */
  async passwordOf (_id: mongodb.ObjectId): Promise<string | undefined> {
    const user = await this.#documents.findOne({ _id, ...NOT_DELETED }, { projection: { password: 1 } })
    return user?.password
  }

  /**
   * Replaces the hash of an account.
   * @param verified the hash to replace: of two changes at the same time, the second one has to verify again
   * @returns false if the account has another hash by now
   */
  async replacePassword (_id: mongodb.ObjectId, verified: string, password: string): Promise<boolean> {
    const filter = { _id, password: verified }
    const { matchedCount } = await this.#documents.updateOne(filter, { $set: { password } })
    return matchedCount === 1
  }

  /**
   * Stores a new account. Its unique indexes decide, not the look-up before: of several registrations of one
   * name at the same time, one succeeds.
   * @param reserved the keys that a deleted account of the same name and address keeps
   * @throws ApiError `duplicate` if the name, one that looks like it, or the address is taken
   */
  async insert (user: UserDocument & Keys, reserved: Keys): Promise<void> {
    await this.#refuseTaken(user, reserved)
    try {
      await this.#documents.insertOne(user)
    } catch (error) {
      if (!isDuplicateKey(error)) throw error
      const isNameTaken = await this.#exists({ usernameKey: user.usernameKey })
      throw isNameTaken ? usernameTaken(user) : emailTaken(user)
    }
  }

  async setAvatar (id: string, avatarImage: string): Promise<void> {
    const filter = { _id: new mongodb.ObjectId(id), ...NOT_DELETED }
    const avatar = { avatarImage, isAvatarImageSet: true }
    await this.#writing(id, async () => await this.#documents.updateOne(filter, { $set: avatar }))
  }

  /** Lists users by name. */
  list ({ except, prefix, after, limit }: UserListQuery): AsyncIterable<ListedUser> {
    const from = after === undefined ? {} : { $gt: after }
    const filter = {
      usernameKey: { $gte: prefix, $lt: prefix + LAST, ...from },
      _id: { $ne: new mongodb.ObjectId(except) },
      ...NOT_DELETED
    }
    return this.#documents.find(filter, { projection: LISTED_FIELDS })
      .sort({ usernameKey: 1 })
      .limit(limit)
      .batchSize(BATCH)
  }

  /** Deletes what an account contains. Its id and the given keys stay, so that nobody can take its place. */
  async erase (_id: mongodb.ObjectId, keys: Keys): Promise<void> {
    const emptied = { username: '', email: '', password: '', avatarImage: '', isAvatarImageSet: false }
    await this.#writing(_id.toHexString(), async () => await this.#documents.updateOne({ _id }, {
      $set: { ...keys, deletedAt: new Date(), ...emptied },
      $unset: { lastSeenAt: '' }
    }))
  }

  /**
   * Refuses a name that looks like another one, and the name and address of a deleted account. No unique
   * index covers these. A look-up is enough: an impostor registers when the other account exists already.
   */
  async #refuseTaken (user: UserDocument & Keys, reserved: Keys): Promise<void> {
    const [isNameTaken, isLookTaken, isEmailTaken] = await Promise.all([
      this.#exists({ usernameKey: reserved.usernameKey }),
      this.#exists({ skeleton: { $in: [user.skeleton, reserved.skeleton] } }),
      this.#exists({ emailKey: reserved.emailKey })
    ])
    if (isNameTaken || isLookTaken) throw usernameTaken(user)
    if (isEmailTaken) throw emailTaken(user)
  }

  async #readPublic (ids: string[]): Promise<Map<string, PublicFields>> {
    const filter = { _id: { $in: objectIds(ids) } }
    const options = { projection: PUBLIC_FIELDS, batchSize: ids.length + 1 }
    const found = await this.#documents.find<PublicFields>(filter, options).toArray()
    return new Map(found.map(user => [user._id.toHexString(), user]))
  }

  async #writing<T> (id: string, write: () => Promise<T>): Promise<T> {
    return await (this.#public?.write([id], write) ?? write())
  }

  async #exists (filter: mongodb.Filter<UserDocument>): Promise<boolean> {
    return await this.#documents.findOne(filter, { projection: { _id: 1 } }) !== null
  }
}

const objectIds = (ids: string[]) => ids.map(id => new mongodb.ObjectId(id))
const usernameTaken = ({ username }: UserDocument) => duplicateKey('users', 'username', username)
const emailTaken = ({ email }: UserDocument) => duplicateKey('users', 'email', email)
