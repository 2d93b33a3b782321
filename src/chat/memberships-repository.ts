/** The collection `memberships`: the marks of the members, and their roles in groups. */
import type { mongodb } from '../database/driver.js'
import {
  idsWithin, isDuplicateKey, type GroupDocument, type MemberDocument, type MembershipDocument, type Role
} from '../database/documents.js'
import { ReadCache } from '../database/read-cache.js'
import type { Member } from './membership.js'
import type { Mark } from './schemas/conversations.js'

/** A member's place in a conversation. */
export interface Place {
  conversation: string
  user: string
}

/** Marks that are remembered: 200 inbox pages of 50 with the marks of both users; each takes 200 bytes. */
const REMEMBERED = 20_000
/** Members of a group at most (GROUP_MEMBERS), and those who left: they come in one answer. */
const MOST_MEMBERS = 2_000

export class MembershipsRepository {
  readonly #collection: mongodb.Collection<MembershipDocument>
  readonly #marks: ReadCache<Mark> | undefined

  /** @param alone whether only this process writes: then marks need not be read again */
  constructor (collection: mongodb.Collection<MembershipDocument>, alone: boolean) {
    this.#collection = collection
    this.#marks = alone ? new ReadCache(REMEMBERED) : undefined
  }

  /** The marks of members, by `idOf`; 0 where none are stored. */
  async marks (places: Place[]): Promise<Map<string, Mark>> {
    const ids = places.map(idOf)
    const read = async (unknown: string[]) => await this.#read(unknown)
    return await (this.#marks?.read(ids, read) ?? read(ids))
  }

  /** The members of a group. */
  async members (group: string): Promise<Map<string, Member>> {
    const found = await this.#collection.find(ofGroup(group), { batchSize: MOST_MEMBERS }).toArray()
    const members = found.filter(({ role }) => typeof role === 'string')
    members.sort((a, b) => a.joined! - b.joined!)
    return new Map(members.map(({ user, role, joined, joinedTop, joinedAt }) =>
      [user, { role: role!, joined: joined!, joinedTop: joinedTop!, joinedAt: joinedAt! }]))
  }

  /**
   * Raises the marks of a member.
   * @returns the marks afterwards, or null where neither was lower
   */
  async raise (place: Place, { delivered, read }: Mark): Promise<Mark | null> {
    const lower = [{ delivered: { $not: { $gte: delivered } } }, { read: { $not: { $gte: read } } }]
    try {
      const raised = await this.#writing([idOf(place)], async () => await this.#collection.findOneAndUpdate(
        { _id: idOf(place), $or: lower },
        { $max: { delivered, read }, $setOnInsert: { ...place } },
        { returnDocument: 'after', upsert: true }))
      return raised && markOf(raised)
    } catch (error) {
      // The marks are stored, and neither is lower, so the upsert met them.
      if (isDuplicateKey(error)) return null
      throw error
    }
  }

  /** Adds the first members of a group, unless that was done. The creator owns it. */
  async addFirst ({ conversation, members, actor, rev, createdAt }: GroupDocument): Promise<void> {
    const joined = { joined: rev, joinedTop: 0, joinedAt: createdAt, read: 0, delivered: 0 }
    const writes = members!.map(user =>
      this.#set({ conversation, user }, rev, { role: user === actor ? 'owner' : 'member', ...joined }))
    const ids = members!.map(user => idOf({ conversation, user }))
    await this.#writing(ids, async () => await this.#write(writes))
  }

  /** Changes a role as an entry says, unless this or a later entry did so before. */
  async apply (entry: MemberDocument, isNew: boolean): Promise<void> {
    const { conversation, user, role, actor, rev, top, createdAt } = entry
    // The marks of a new member start at the last message.
    const marks = { read: top, delivered: top }
    const joined = isNew ? { joined: rev, joinedTop: top, joinedAt: createdAt, ...marks } : {}
    const writes = [this.#set({ conversation, user }, rev, { role, ...joined })]
    if (role === 'owner') writes.push(this.#set({ conversation, user: actor }, rev, { role: 'admin' }))
    await this.#writing([idOf({ conversation, user })], async () => await this.#write(writes))
  }

  async role (place: Place): Promise<Role | null> {
    const found = await this.#collection.findOne({ _id: idOf(place) }, { projection: { role: 1 } })
    return found?.role ?? null
  }

  /** Removes all that is stored about the members of a group. Its id never comes back. */
  async remove (group: string): Promise<void> {
    await this.#collection.deleteMany(ofGroup(group))
  }

  async #read (ids: string[]): Promise<Map<string, Mark>> {
    const options = { projection: { read: 1, delivered: 1 }, batchSize: ids.length + 1 }
    const found = await this.#collection.find({ _id: { $in: ids } }, options).toArray()
    const marks = new Map(ids.map(id => [id, markOf(undefined)]))
    for (const document of found) marks.set(document._id, markOf(document))
    return marks
  }

  async #writing<T> (ids: string[], write: () => Promise<T>): Promise<T> {
    return await (this.#marks?.write(ids, write) ?? write())
  }

  #set (place: Place, rev: number, values: Partial<MembershipDocument>) {
    const filter = { _id: idOf(place), rev: { $not: { $gte: rev } } }
    return { updateOne: { filter, update: { $set: { ...place, ...values, rev } }, upsert: true } }
  }

  async #write (writes: mongodb.AnyBulkWriteOperation<MembershipDocument>[]): Promise<void> {
    try {
      await this.#collection.bulkWrite(writes, { ordered: false })
    } catch (error) {
      // This or a later entry changed some before: the filter does not match, and the upsert meets them.
      if (!isDuplicateKey(error)) throw error
    }
  }
}

function ofGroup (group: string) {
  return { _id: idsWithin(group) }
}

/** The `_id` of a membership. */
export function idOf ({ conversation, user }: Place): string {
  return `${conversation}/${user}`
}

/** The marks of a member; 0 where none were raised. */
function markOf (document: Pick<MembershipDocument, 'delivered' | 'read'> | undefined): Mark {
  return { delivered: document?.delivered ?? 0, read: document?.read ?? 0 }
}
