/** The collection `blocks`: who does not want to hear from whom. */
import type { mongodb } from '../database/driver.js'
import { idsWithin, isDuplicateKey, type BlockDocument } from '../database/documents.js'

export class BlocksRepository {
  readonly #collection: mongodb.Collection<BlockDocument>

  constructor (collection: mongodb.Collection<BlockDocument>) { this.#collection = collection }

  /** Those whom a user blocked, in the order of their ids. */
  async of (blocker: string): Promise<string[]> {
    const found = await this.#collection.find(ofUser(blocker), { sort: { _id: 1 } }).toArray()
    return found.map(({ blocked }) => blocked)
  }

  /** Those of some users who blocked a user, or whom the user blocked. */
  async between (user: string, others: string[]): Promise<Set<string>> {
    const ids = others.flatMap(other => [idOf(user, other), idOf(other, user)])
    const found = await this.#collection.find({ _id: { $in: ids } }).toArray()
    return new Set(found.map(({ blocker, blocked }) => blocker === user ? blocked : blocker))
  }

  async count (blocker: string): Promise<number> {
    return await this.#collection.countDocuments(ofUser(blocker))
  }

  async add (blocker: string, blocked: string): Promise<void> {
    try {
      const _id = idOf(blocker, blocked)
      await this.#collection.insertOne({ _id, blocker, blocked, createdAt: new Date() })
    } catch (error) {
      if (!isDuplicateKey(error)) throw error
    }
  }

  async remove (blocker: string, blocked: string): Promise<void> {
    await this.#collection.deleteOne({ _id: idOf(blocker, blocked) })
  }
}

/** The blocks of a user: a range of `_id`, which is sorted already. */
function ofUser (blocker: string) {
  return { _id: idsWithin(blocker) }
}

function idOf (blocker: string, blocked: string): string {
  return `${blocker}/${blocked}`
}
