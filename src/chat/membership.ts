/**
 * Who belongs to a conversation. Nothing else in the server derives members from the id of a conversation.
 */
import { LRUCache } from 'lru-cache'
import { kindOf, pairOf, partnerIn } from 'chat-protocol'
import { mapKnown, type Known } from '../concurrency/known.js'
import type { EntryDocument, GroupDocument, History, MemberDocument, Role } from '../database/documents.js'
import { apiError } from '../errors.js'

/** What a user may see and do in a conversation. */
export interface Access {
  /** In direct conversations both are `member`. */
  role: Role
  /** Entries up to this rev are not visible. */
  above: number
  /** Messages up to this number are not visible. */
  aboveSeq: number
}

/** A member of a group. */
export interface Member {
  role: Role
  /** the rev of the entry with which the user joined */
  joined: number
  /** the messages up to it */
  joinedTop: number
  /** when: ISO 8601 */
  joinedAt: string
}

/** A group as its log has made it up to now. */
export interface Group {
  members: Map<string, Member>
  history: History
}

/** Members of all groups that are in memory; each takes about 150 bytes. */
const MEMBERS_IN_MEMORY = 200_000

const SEES_ALL: Access = { role: 'member', above: 0, aboveSeq: 0 }

/** Reads a group from the database, with everything that its log says; undefined where there is none. */
export type LoadGroup = (id: string) => Promise<Group | undefined>

/**
 * Answers who belongs to a conversation. The id of a direct conversation names both members
 * (docs/realtime.md), and they never change. Groups are kept in memory, and follow their logs.
 */
export class Membership {
  readonly #groups = new LRUCache<string, Group>({
    maxSize: MEMBERS_IN_MEMORY,
    sizeCalculation: ({ members }) => members.size + 1
  })

  /** Loads under way; an entry that is stored meanwhile makes them start again. */
  readonly #loads = new Map<string, Promise<Group | undefined>>()
  readonly #alone: boolean
  #load: LoadGroup = async () => undefined

  /** Sets where groups come from. */
  loadGroupsBy (load: LoadGroup): void { this.#load = load }

  /**
   * @param alone whether only this process writes: then groups are kept in memory
   */
  constructor (alone: boolean) { this.#alone = alone }

  /** The members of a conversation, each once: a conversation with oneself has one member. */
  members (conversation: string): Known<readonly string[]> {
    if (kindOf(conversation) === 'direct') {
      const [low, high] = pairOf(conversation)
      return low === high ? [low] : [low, high]
    }
    return mapKnown(this.group(conversation), group => group === undefined ? [] : [...group.members.keys()])
  }

  /** A group with its members; undefined where there is none. */
  group (id: string): Known<Group | undefined> {
    return this.#groups.get(id) ?? this.#loads.get(id) ?? this.#loadGroup(id)
  }

  /** What a user may see and do in a conversation; undefined for a user who is not a member. */
  access (conversation: string, user: string): Known<Access | undefined> {
    if (kindOf(conversation) === 'direct') {
      return partnerIn(conversation, user) === undefined ? undefined : SEES_ALL
    }
    return mapKnown(this.group(conversation), group => group && accessIn(group, user))
  }

  /** The other member of a direct conversation, or the user in a conversation with oneself. */
  partner (conversation: string, user: string): string | undefined {
    return kindOf(conversation) === 'direct' ? partnerIn(conversation, user) : undefined
  }

  /**
   * What a member may see and do.
   * @param path the field of the request that names the conversation
   * @throws ApiError `forbidden` for a direct conversation of others; `notFound` for a group that does not
   *   exist, or whose member the user is not
   */
  require (conversation: string, user: string, path: string): Known<Access> {
    return mapKnown(this.access(conversation, user), access => {
      if (access === undefined) throw notAMember(conversation, path)
      return access
    })
  }

  /** Follows the log: an entry was stored. A group that is not in memory is read when it is needed. */
  apply (entry: EntryDocument): void {
    if (entry.kind === 'group' && entry.members !== undefined) this.#keep(entry.conversation, groupOf(entry))
    if (entry.kind !== 'member') return
    const { conversation } = entry
    this.#loads.delete(conversation)
    const group = this.#groups.get(conversation)
    if (group === undefined) return
    applyTo(group, entry)
    this.#groups.delete(conversation)
    if (group.members.size > 0) this.#keep(conversation, group)
  }

  /** What another process changes is not known here, so every question asks the database. */
  #keep (conversation: string, group: Group): void {
    if (this.#alone) this.#groups.set(conversation, group)
  }

  async #loadGroup (id: string): Promise<Group | undefined> {
    const load = this.#load(id)
    this.#loads.set(id, load)
    try {
      const group = await load
      // An entry was stored meanwhile, which may not be in what was read.
      if (this.#loads.get(id) !== load) return await this.group(id)
      if (group !== undefined) this.#keep(id, group)
      return group
    } finally {
      if (this.#loads.get(id) === load) this.#loads.delete(id)
    }
  }
}

/** A new group, as its first entry says. */
function groupOf ({ members = [], actor, history = 'joined', rev, createdAt }: GroupDocument): Group {
  const joined = { joined: rev, joinedTop: 0, joinedAt: createdAt }
  const entries = members.map((user): [string, Member] =>
    [user, { role: user === actor ? 'owner' : 'member', ...joined }])
  return { members: new Map(entries), history }
}

/** Changes the members of a group as an entry says. */
function applyTo ({ members }: Group, entry: MemberDocument): void {
  const { user, role, actor, rev, top, createdAt } = entry
  if (role === null) {
    members.delete(user)
    return
  }
  const member = members.get(user)
  // The former owner stays as an admin.
  const former = role === 'owner' ? members.get(actor) : undefined
  if (former !== undefined) former.role = 'admin'
  if (member === undefined) members.set(user, { role, joined: rev, joinedTop: top, joinedAt: createdAt })
  else member.role = role
}

/** What a user may see and do in a group. */
export function accessIn ({ members, history }: Group, user: string): Access | undefined {
  const member = members.get(user)
  if (member === undefined) return undefined
  const { role, joined, joinedTop } = member
  return history === 'all' ? { ...SEES_ALL, role } : { role, above: joined - 1, aboveSeq: joinedTop }
}

/** The same for a group of others as for none, so that nobody can find out which groups there are. */
export function notAMember (conversation: string, path: string): Error {
  return kindOf(conversation) === 'direct'
    ? apiError('forbidden', 'this is a conversation of others', path)
    : apiError('notFound', 'there is no such group', path)
}
