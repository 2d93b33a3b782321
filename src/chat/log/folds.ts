/** Folds an entry into what it changes: a message, the members of a group, or the group itself. */
import type {
  DeleteDocument, EditDocument, EntryDocument, GroupDocument, MemberDocument, ReactionDocument
} from '../../database/documents.js'
import type { ConversationsRepository } from '../conversations-repository.js'
import type { MembershipsRepository } from '../memberships-repository.js'
import type { mongodb } from '../../database/driver.js'
import type { LogRepository } from './log-repository.js'
import type { Tails } from './tails.js'

export interface FoldsOptions {
  log: LogRepository
  conversations: ConversationsRepository
  memberships: MembershipsRepository
  /** to be kept in step; undefined where other processes write too */
  tails: Tails | undefined
}

type MessageChangeDocument = EditDocument | DeleteDocument | ReactionDocument

/**
 * Folds entries, each any number of times with the same result, provided that the entries of a conversation
 * come in their order. Each change is guarded by the rev of the entry that changed its target last.
 */
export class Folds {
  readonly #options: FoldsOptions

  constructor (options: FoldsOptions) { this.#options = options }

  async fold (entry: EntryDocument): Promise<void> {
    switch (entry.kind) {
      case 'message': return
      case 'edit': return await this.#edit(entry)
      case 'delete': return await this.#delete(entry)
      case 'reaction': return await this.#reaction(entry)
      case 'member': return await this.#member(entry)
      case 'group': return await this.#group(entry)
    }
  }

  async #edit (entry: EditDocument): Promise<void> {
    const { conversation, target, rev, message: current, createdAt: editedAt } = entry
    const { log } = this.#options
    const update = { $set: { current, editedAt, folded: rev }, $push: { edits: rev } }
    if (await this.#change(entry, update)) return
    // It lost a race to a delete: it has no effect, and keeps no text.
    const message = await log.message(conversation, target)
    if (message?.deletedAt !== undefined) await log.eraseEdits(conversation, [rev])
  }

  async #delete (entry: DeleteDocument): Promise<void> {
    const { conversation, target, rev, createdAt: deletedAt } = entry
    const { log } = this.#options
    const message = await log.message(conversation, target)
    if (message === null || message.deletedAt !== undefined) return
    // First the edits, so that a crash in between leaves nothing behind: the message still names them.
    if (message.edits !== undefined) await log.eraseEdits(conversation, message.edits)
    await this.#change(entry, {
      $set: { message: '', deletedAt, folded: rev },
      $unset: { current: '', editedAt: '', reactions: '', edits: '' }
    })
  }

  /** One update: reactions are the most frequent changes. */
  async #reaction (entry: ReactionDocument): Promise<void> {
    const { rev, emoji, actor, on } = entry
    const users = { [`reactions.${emoji}`]: actor }
    const change = on ? { $addToSet: users } : { $pull: users }
    await this.#change(entry, { $set: { folded: rev }, ...change })
  }

  /** Changes the message that an entry is about; @returns whether it was changed by this attempt */
  async #change (
    { conversation, target, rev }: MessageChangeDocument, update: mongodb.UpdateFilter<EntryDocument>
  ): Promise<boolean> {
    const { log, tails } = this.#options
    const message = await log.fold(conversation, target, rev, update)
    if (message !== null) tails?.changed(message)
    // An earlier attempt may have changed it, and failed before its outcome was known.
    else tails?.drop(conversation)
    return message !== null
  }

  async #member (entry: MemberDocument): Promise<void> {
    const { log, conversations, memberships, tails } = this.#options
    const { conversation, user, role, rev } = entry
    const isNew = role !== null && await memberships.role({ conversation, user }) === null
    await memberships.apply(entry, isNew)
    await conversations.setMember(entry)
    if (role !== null) return
    // The last member left: the group is deleted. This entry stays, so that its numbers are not used again.
    const members = await memberships.members(conversation)
    if (members.size > 0) return
    await log.eraseBelow(conversation, rev)
    tails?.drop(conversation)
    await memberships.remove(conversation)
    await conversations.remove(conversation)
  }

  async #group (entry: GroupDocument): Promise<void> {
    const { conversations, memberships } = this.#options
    if (entry.members !== undefined) await memberships.addFirst(entry)
    await conversations.setGroup(entry)
  }
}
