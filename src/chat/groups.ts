import { createHash } from 'node:crypto'
import { requireUser, type KnownAccounts } from '../accounts/known-accounts.js'
import { Serial } from '../concurrency/serial.js'
import type { History, Role } from '../database/documents.js'
import { mongodb } from '../database/driver.js'
import { apiError } from '../errors.js'
import { blockedError, type Blocks } from './blocks.js'
import type { ConversationsRepository } from './conversations-repository.js'
import type { ConversationLog } from './log/conversation-log.js'
import { newChange, type NewChange } from './log/entries.js'
import { accessIn, notAMember, type Group, type Member, type Membership } from './membership.js'

export interface NewGroup {
  name: string
  members: string[]
  history?: History | undefined
  clientId?: string | undefined
}

export interface GroupsOptions {
  log: ConversationLog
  membership: Membership
  conversations: Pick<ConversationsRepository, 'find' | 'groupsOf'>
  accounts: Pick<KnownAccounts, 'exists'>
  blocks: Blocks
  /** GROUP_MEMBERS */
  maxMembers: number
}

/** The characters of a group's id. */
const ID_CHARS = 24

/**
 * Groups and their members: who may change what. All checks of a group run one after the other, so that each
 * sees what the one before changed. Errors: docs/http-api.md.
 */
export class Groups {
  readonly #options: GroupsOptions
  readonly #serial = new Serial()

  constructor (options: GroupsOptions) { this.#options = options }

  /**
   * Creates a group; the creator owns it.
   * @returns its id; that of the stored group where the clientId was used before for the same group
   */
  async create (creator: string, { name, members, history = 'joined', clientId }: NewGroup): Promise<string> {
    const { log, maxMembers } = this.#options
    const all = [...new Set([creator, ...members])]
    if (all.length > maxMembers) {
      throw apiError('validation', `a group has at most ${maxMembers} members`, 'members')
    }
    const conversation = clientId === undefined
      ? new mongodb.ObjectId().toHexString()
      : idOf(creator, clientId)
    const change: NewChange =
      { kind: 'group', conversation, actor: creator, clientId, name, history, members: all }
    return await this.#serial.run(conversation, async () => {
      const entry = newChange(change, new Date())
      if (await log.repeatOf(entry) !== undefined) return conversation
      await this.#checkMembers(creator, members)
      if (clientId !== undefined && (await log.end(conversation)).rev > 0) {
        throw apiError('conflict', 'this clientId was used for a group that was deleted', 'clientId')
      }
      await log.append(entry)
      return conversation
    })
  }

  /** Changes the name or the avatar of a group. */
  async update (user: string, id: string, given: { name?: string, avatarImage?: string }): Promise<void> {
    await this.#change(user, id, async (_group, { role }) => {
      if (role === 'member') throw apiError('forbidden', 'only its owner and its admins may change a group')
      // The last change may not be folded yet.
      await this.#options.log.settled(id)
      const { name, avatarImage = '' } = await this.#options.conversations.find(id) ?? {}
      const changed: { name?: string, avatarImage?: string } = {}
      if (given.name !== undefined && given.name !== name) changed.name = given.name
      if (given.avatarImage !== undefined && given.avatarImage !== avatarImage) {
        changed.avatarImage = given.avatarImage
      }
      if (Object.keys(changed).length === 0) return
      await this.#append({ kind: 'group', conversation: id, actor: user, ...changed })
    })
  }

  /** Adds a member; does nothing where the user is one. */
  async add (user: string, id: string, added: string, role: 'admin' | 'member' | undefined): Promise<void> {
    await this.#change(user, id, async (group, by) => {
      if (by.role === 'member' || (by.role === 'admin' && role === 'admin')) {
        throw apiError('forbidden', by.role === 'member'
          ? 'only its owner and its admins may add members'
          : 'only its owner may add admins')
      }
      await this.#checkMember(user, added, 'user')
      const known = group.members.get(added)
      if (known !== undefined) {
        if (role === undefined || role === known.role) return
        throw apiError('conflict', 'this user is a member with another role', 'role')
      }
      const { maxMembers } = this.#options
      if (group.members.size >= maxMembers) {
        throw apiError('conflict', `a group has at most ${maxMembers} members`, 'user')
      }
      await this.#append({
        kind: 'member', conversation: id, actor: user, user: added, role: role ?? 'member'
      })
    })
  }

  /** Changes the role of a member; `owner` hands the group over. */
  async setRole (user: string, id: string, member: string, role: Role): Promise<void> {
    await this.#change(user, id, async (group, by) => {
      if (by.role !== 'owner') throw apiError('forbidden', 'only its owner may change roles')
      const known = memberOf(group, member)
      if (known.role === role) return
      if (member === user) throw apiError('conflict', 'hand the group over to another member first', 'role')
      await this.#append({ kind: 'member', conversation: id, actor: user, user: member, role })
    })
  }

  /** Removes a member, or leaves the group; who leaves last deletes it. */
  async remove (user: string, id: string, member: string): Promise<void> {
    await this.#change(user, id, async (group, by) => {
      const isSelf = member === user
      if (!isSelf && by.role === 'member') {
        throw apiError('forbidden', 'only its owner and its admins may remove members')
      }
      const { role } = memberOf(group, member)
      if (!isSelf && by.role === 'admin' && role !== 'member') {
        throw apiError('forbidden', 'admins may remove plain members only')
      }
      if (role === 'owner' && group.members.size > 1) {
        throw apiError('conflict', 'hand the group over to another member first', 'user')
      }
      await this.#append({ kind: 'member', conversation: id, actor: user, user: member, role: null })
    })
  }

  /** Leaves all groups of a user, whose account is being deleted; the longest-standing admin follows. */
  async leaveAll (user: string): Promise<void> {
    for (const id of await this.#options.conversations.groupsOf(user)) {
      await this.#serial.run(id, async () => {
        const group = await this.#options.membership.group(id)
        const member = group?.members.get(user)
        if (group === undefined || member === undefined) return
        const next = member.role === 'owner' ? successorOf(group, user) : undefined
        const change = { kind: 'member', conversation: id, actor: user } as const
        if (next !== undefined) await this.#append({ ...change, user: next, role: 'owner' })
        await this.#append({ ...change, user, role: null })
      })
    }
  }

  /** Runs a change of a group when its turn has come, for a member. */
  async #change (
    user: string, id: string, change: (group: Group, by: Member) => Promise<void>
  ): Promise<void> {
    await this.#serial.run(id, async () => {
      const group = await this.#options.membership.group(id)
      if (group === undefined || accessIn(group, user) === undefined) throw notAMember(id, 'id')
      await change(group, group.members.get(user)!)
    })
    // Its fold is what the answer shows.
    await this.#options.log.settled(id)
  }

  async #append (change: NewChange): Promise<void> {
    await this.#options.log.append(newChange(change, new Date()))
  }

  async #checkMembers (creator: string, members: string[]): Promise<void> {
    const { accounts } = this.#options
    await Promise.all(members.map((member, n) => requireUser(accounts, member, `members.${n}`)))
    const blocked = await Promise.all(members.map(member => this.#options.blocks.isBlocked(member, creator)))
    if (blocked.includes(true)) throw blockedError()
  }

  async #checkMember (user: string, added: string, path: string): Promise<void> {
    await requireUser(this.#options.accounts, added, path)
    if (await this.#options.blocks.isBlocked(added, user)) throw blockedError()
  }
}

/** The id of a group whose creation has a clientId: the same for each repeat. */
function idOf (creator: string, clientId: string): string {
  return createHash('sha256').update(`${creator} ${clientId.toLowerCase()}`).digest('hex').slice(0, ID_CHARS)
}

function memberOf ({ members }: Group, user: string): Member {
  const member = members.get(user)
  if (member === undefined) throw apiError('notFound', 'there is no such member', 'user')
  return member
}

/** Members are in the order in which they joined. */
function successorOf ({ members }: Group, leaving: string): string | undefined {
  const others = [...members].filter(([user]) => user !== leaving)
  const [next] = others.find(([, { role }]) => role === 'admin') ?? others[0] ?? []
  return next
}
