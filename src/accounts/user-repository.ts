import { mongodb } from '../database/driver.js'
import type { UserDocument } from '../database/documents.js'
import { WITHOUT_PASSWORD } from './users.js'

/** The one definition of an open account. */
const NOT_DELETED = { deletedAt: { $exists: false } }

/** The collection `users`. Ids are 24 hex digits; deleted accounts are not found. */
export class UserRepository {
  readonly #documents: mongodb.Collection<UserDocument>

  constructor (documents: mongodb.Collection<UserDocument>) {
    this.#documents = documents
  }

  async exists (id: string): Promise<boolean> {
    const filter = { _id: new mongodb.ObjectId(id), ...NOT_DELETED }
    return await this.#documents.findOne(filter, { projection: { _id: 1 } }) !== null
  }

  /** These users by id, without their passwords. Deleted accounts are among them. */
  async findMany (ids: string[]): Promise<Map<string, UserDocument>> {
    const filter = { _id: { $in: ids.map(id => new mongodb.ObjectId(id)) } }
    const options = { projection: WITHOUT_PASSWORD, batchSize: ids.length + 1 }
    const found = await this.#documents.find(filter, options).toArray()
    return new Map(found.map(user => [user._id.toHexString(), user]))
  }

  /** The last times at which these users were seen, by id; a user who was never seen has none. */
  async lastSeen (ids: string[]): Promise<Map<string, Date | undefined>> {
    const filter = { _id: { $in: ids.map(id => new mongodb.ObjectId(id)) }, ...NOT_DELETED }
    const seen = await this.#documents.find(filter, { projection: { lastSeenAt: 1 } }).toArray()
    return new Map(seen.map(({ _id, lastSeenAt }) => [_id.toHexString(), lastSeenAt]))
  }

  /**
   * Stores when a user was seen last; the time never goes back.
   * @returns whether there is such a user
   */
  async setLastSeen (id: string, lastSeenAt: Date): Promise<boolean> {
    const filter = { _id: new mongodb.ObjectId(id), ...NOT_DELETED }
    const { matchedCount } = await this.#documents.updateOne(filter, { $max: { lastSeenAt } })
    return matchedCount === 1
  }

  /** The same for several users. The driver does not repeat this command where the connection is lost. */
  async setLastSeenOfAll (ids: string[], lastSeenAt: Date): Promise<void> {
    const filter = { _id: { $in: ids.map(id => new mongodb.ObjectId(id)) }, ...NOT_DELETED }
    await this.#documents.updateMany(filter, { $max: { lastSeenAt } })
  }
}
