import type { BaseLogger } from 'pino'
import type { ConversationDocument, MessageDocument } from '../database/documents.js'
import {
  markOf, type ConversationsRepository, type Head, type InboxPosition
} from './conversations-repository.js'
import type { MessagesRepository } from './log/messages-repository.js'
import { Summaries } from './log/summaries.js'
import type { Receipt } from './receipts.js'
import type { Mark } from './schemas/conversations.js'

type Listener = (receipt: Receipt) => void

/**
 * Unread messages are counted among so many newest ones of a conversation: no badge shows more, and as
 * numbers have no gaps, no more index entries are read, however long the conversation is.
 */
const MAX_UNREAD = 1000

export interface ConversationsOptions {
  conversations: ConversationsRepository
  messages: MessagesRepository
  log: Pick<BaseLogger, 'warn'>
}

/** The summaries of the log that the inbox reads, and the marks of the members. */
export class Conversations {
  readonly #conversations: ConversationsRepository
  readonly #messages: MessagesRepository
  readonly #summaries: Summaries
  readonly #listeners: Listener[] = []

  constructor ({ conversations, messages, log }: ConversationsOptions) {
    this.#conversations = conversations
    this.#messages = messages
    const onReceipt = (receipt: Receipt) => {
      for (const listener of this.#listeners) listener(receipt)
    }
    this.#summaries = new Summaries({ conversations, messages, onReceipt, log })
  }

  /** Summaries and marks that wait to be written. */
  get pending (): number { return this.#summaries.pending }

  /** Lists a conversation before its first message is written, so that no crash can hide it. */
  async open (conversation: string): Promise<void> { await this.#conversations.create(conversation) }

  /** Brings the summary up to a message, within FLUSH_MS. */
  touch (message: MessageDocument): void { this.#summaries.touch(message) }

  /**
   * Raises a mark of a member, together with others within FLUSH_MS; a number above the highest stored one is
   * ignored.
   * @param socket the socket that names the mark
   * @returns the marks that are stored then
   */
  async mark (
    conversation: string, user: string, kind: keyof Mark, seq: number, socket?: string
  ): Promise<Mark> {
    return await this.#summaries.mark({ conversation, user, kind, seq, socket })
  }

  /** Registers a listener that is called with each changed mark, after it was stored. */
  onReceipt (listener: Listener): void { this.#listeners.push(listener) }

  /** A page of a user's conversations, newest first, each verified against `messages`, and repaired. */
  async page (
    user: string, after: InboxPosition | undefined, limit: number
  ): Promise<ConversationDocument[]> {
    const documents = await this.#conversations.page(user, after, limit)
    const verified = await Promise.all(documents.map(document => this.#summaries.verify(document)))
    return verified.sort((a, b) => b.lastAt.getTime() - a.lastAt.getTime() || (a._id < b._id ? 1 : -1))
  }

  /** Counts the messages of `sender` above the read mark of `user`, among the newest MAX_UNREAD ones. */
  async unread (document: ConversationDocument, user: string, sender: string): Promise<number> {
    const { read } = markOf(document, user)
    if (sender === user || document.lastSeq <= read) return 0
    const above = Math.max(read, document.lastSeq - MAX_UNREAD)
    return await this.#messages.count(document._id, sender, above, document.lastSeq)
  }

  /** The heads of a user's most recent conversations; summaries may be behind by a second. */
  async recent (user: string, limit: number): Promise<Head[]> {
    return await this.#conversations.recent(user, limit)
  }

  /**
   * The conversations of any of these users in which something was stored since a time, by whatever process;
   * summaries may be behind by a second.
   */
  async since (users: string[], since: Date): Promise<Head[]> {
    return await this.#conversations.since(users, since)
  }

  /** Writes what waits. */
  async close (): Promise<void> { await this.#summaries.close() }
}
