/**
 * The collection `users`. Deleted accounts keep their document; all but the marked methods leave them out.
 */
import { mongodb } from '@fastify/mongodb'
import type { UserDocument } from '../database/documents.js'
import type { Keys } from './account-keys.js'
import { WITHOUT_PASSWORD } from './users.js'

/** The rule that leaves deleted accounts out. */
const NOT_DELETED = { deletedAt: { $exists: false } }

/** After every string that begins with a prefix: no code point is higher. */
const LAST = '\u{10FFFF}'

/** Documents that the database sends at once: with the largest avatars they are 6 MB. */
const BATCH = 100

const LISTED = { username: 1, usernameKey: 1, avatarImage: 1, isAvatarImageSet: 1 } as const

/** The users of a list whose keys begin with a prefix, and come after a key. */
export interface UsersPage {
  prefix: string
  after: string | undefined
  /** the id that the list leaves out */
  except: string
  limit: number
}

export class UsersRepository {
  readonly #collection: mongodb.Collection<UserDocument>

  constructor (collection: mongodb.Collection<UserDocument>) {
    this.#collection = collection
  }

  async exists (id: string): Promise<boolean> {
    const found = await this.#collection.findOne(open(id), { projection: { _id: 1 } })
    return found !== null
  }

  async find (id: string): Promise<UserDocument | null> {
    return await this.#collection.findOne(open(id))
  }

  async findByName (usernameKey: string): Promise<UserDocument | null> {
    return await this.#collection.findOne({ usernameKey, ...NOT_DELETED })
  }

  /** These users by id, without their passwords; deleted accounts are among them. */
  async findMany (ids: string[]): Promise<Map<string, UserDocument>> {
    const filter = { _id: { $in: ids.map(id => new mongodb.ObjectId(id)) } }
    const options = { projection: WITHOUT_PASSWORD, batchSize: ids.length + 1 }
    const found = await this.#collection.find(filter, options).toArray()
    return new Map(found.map(user => [user._id.toHexString(), user]))
  }

  /** The users of a list, by name. */
  list ({ prefix, after, except, limit }: UsersPage): mongodb.FindCursor<UserDocument> {
    const filter = {
      usernameKey: { $gte: prefix, $lt: prefix + LAST, ...(after === undefined ? {} : { $gt: after }) },
      _id: { $ne: new mongodb.ObjectId(except) },
      ...NOT_DELETED
    }
    const options = { projection: LISTED, sort: { usernameKey: 1 }, limit, batchSize: BATCH } as const
    return this.#collection.find(filter, options)
  }

  /** Whether an account matches, deleted ones included: their keys stay reserved. */
  async isTaken (filter: mongodb.Filter<UserDocument>): Promise<boolean> {
    return await this.#collection.findOne(filter, { projection: { _id: 1 } }) !== null
  }

  /** @throws MongoServerError with the code DUPLICATE_KEY where another account has the name or address */
  async insert (user: UserDocument): Promise<void> { await this.#collection.insertOne(user) }

  async setAvatar (id: string, avatarImage: string): Promise<void> {
    await this.#collection.updateOne(open(id), { $set: { avatarImage, isAvatarImageSet: true } })
  }

  /**
   * Replaces a password hash by another one.
   * @returns whether the account still had the hash `from`
   */
  async replacePassword (_id: mongodb.ObjectId, from: string, to: string): Promise<boolean> {
    const update = { $set: { password: to } }
    const { matchedCount } = await this.#collection.updateOne({ _id, password: from }, update)
    return matchedCount === 1
  }

  /** The last times at which these users were seen, by id; a user who was never seen has none. */
  async lastSeen (ids: string[]): Promise<Map<string, Date | undefined>> {
    const filter = { _id: { $in: ids.map(id => new mongodb.ObjectId(id)) }, ...NOT_DELETED }
    const seen = await this.#collection.find(filter, { projection: { lastSeenAt: 1 } }).toArray()
    return new Map(seen.map(({ _id, lastSeenAt }) => [_id.toHexString(), lastSeenAt]))
  }

  /**
   * Stores when a user was seen last; the time never goes back.
   * @returns whether there is such a user
   */
  async setLastSeen (id: string, lastSeenAt: Date): Promise<boolean> {
    const { matchedCount } = await this.#collection.updateOne(open(id), { $max: { lastSeenAt } })
    return matchedCount === 1
  }

  /** The same for several users. The driver does not repeat this command where the connection is lost. */
  async setLastSeenOfAll (ids: string[], lastSeenAt: Date): Promise<void> {
    const filter = { _id: { $in: ids.map(id => new mongodb.ObjectId(id)) }, ...NOT_DELETED }
    await this.#collection.updateMany(filter, { $max: { lastSeenAt } })
  }

  /** Deletes an account: what is left is its id, the time, and the keys that stay reserved. */
  async delete (_id: mongodb.ObjectId, retired: Keys): Promise<void> {
    const empty = { username: '', email: '', password: '', avatarImage: '', isAvatarImageSet: false }
    await this.#collection.updateOne({ _id }, {
      $set: { ...retired, deletedAt: new Date(), ...empty },
      $unset: { lastSeenAt: '' }
    })
  }
}

function open (id: string) {
  return { _id: new mongodb.ObjectId(id), ...NOT_DELETED }
}
