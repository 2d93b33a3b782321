/** What the entries of a conversation make of it: the fold of docs/realtime.md, in memory. */
import type {
  ConversationDocument, DeleteDocument, EditDocument, EntryDocument, GroupDocument, MemberDocument,
  MembershipDocument, MessageDocument, ReactionDocument, Role
} from '../database/documents.js'

/** What later entries made of a message. */
export type MessageState = Pick<
  MessageDocument, 'current' | 'editedAt' | 'deletedAt' | 'reactions' | 'edits' | 'folded'>

/** The fields of a summary that follow from the log. */
export type ExpectedSummary = Pick<ConversationDocument, 'lastRev' | 'lastSeq' | 'lastAt' | 'changedAt'> &
  Partial<Pick<ConversationDocument, 'last'>>

/** What the log says about a member of a group. */
export type ExpectedMember = Required<Pick<MembershipDocument, 'joined' | 'joinedTop' | 'joinedAt'>> &
  { role: Role }

/** A conversation as its log has made it up to now; entries come in their order. */
export class Expected {
  /** by number; messages that nothing changed are missing */
  readonly messages = new Map<number, MessageState>()
  /** of a group, by user */
  readonly members = new Map<string, ExpectedMember>()
  name: string | undefined
  avatarImage: string | undefined
  history: ConversationDocument['history']
  summary: ExpectedSummary | undefined

  add (entry: EntryDocument): void {
    this.#summarize(entry)
    switch (entry.kind) {
      case 'message': return
      case 'edit': return this.#edit(entry)
      case 'delete': return this.#delete(entry)
      case 'reaction': return this.#react(entry)
      case 'member': return this.#member(entry)
      case 'group': return this.#group(entry)
    }
  }

  #summarize ({ kind, rev, top, storedAt, _id }: EntryDocument): void {
    const before = this.summary
    const isMessage = kind === 'message'
    const isQuiet = !isMessage && kind !== 'member' && kind !== 'group'
    const last = isMessage ? { seq: top, id: _id } : before?.last
    this.summary = {
      lastRev: rev,
      lastSeq: top,
      changedAt: later(storedAt, before?.changedAt),
      lastAt: isQuiet && before !== undefined ? before.lastAt : later(storedAt, before?.lastAt),
      ...(last === undefined ? {} : { last })
    }
  }

  /** The state of a message to be changed; undefined where it is deleted. */
  #open (target: number): MessageState | undefined {
    const state = this.messages.get(target) ?? {}
    if (state.deletedAt !== undefined) return undefined
    this.messages.set(target, state)
    return state
  }

  #edit ({ target, rev, message: current, createdAt: editedAt }: EditDocument): void {
    const state = this.#open(target)
    if (state === undefined) return
    Object.assign(state, { current, editedAt, folded: rev, edits: [...state.edits ?? [], rev] })
  }

  #delete ({ target, rev, createdAt: deletedAt }: DeleteDocument): void {
    if (this.#open(target) !== undefined) this.messages.set(target, { deletedAt, folded: rev })
  }

  #react ({ target, rev, actor, emoji, on }: ReactionDocument): void {
    const state = this.#open(target)
    if (state === undefined) return
    const others = (state.reactions?.[emoji] ?? []).filter(user => user !== actor || on)
    const users = on && !others.includes(actor) ? [...others, actor] : others
    Object.assign(state, { reactions: { ...state.reactions, [emoji]: users }, folded: rev })
  }

  #member ({ user, role, actor, rev, top, createdAt }: MemberDocument): void {
    const before = this.members.get(user) ?? { joined: rev, joinedTop: top, joinedAt: createdAt }
    if (role === null) this.members.delete(user)
    else this.members.set(user, { ...before, role })
    const owner = this.members.get(actor)
    if (role === 'owner' && owner !== undefined) this.members.set(actor, { ...owner, role: 'admin' })
  }

  #group ({ name, avatarImage, history, members, actor, rev, createdAt }: GroupDocument): void {
    this.name = name ?? this.name
    this.avatarImage = avatarImage ?? this.avatarImage
    this.history = history ?? this.history
    const joined = { joined: rev, joinedTop: 0, joinedAt: createdAt }
    for (const user of members ?? []) {
      this.members.set(user, { ...joined, role: user === actor ? 'owner' : 'member' })
    }
  }
}

function later (time: Date, other: Date | undefined): Date {
  return other !== undefined && other > time ? other : time
}
