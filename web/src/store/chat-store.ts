/** What the page shows; components read it with `useChat`. */
import {
  ChatClient, foldMessage, randomUuid, type ChangeFrame, type ChatError, type Message, type Outgoing,
  type ReceiptFrame, type StateChange, type TypingNotice
} from 'chat-app-client'
import { api, type Conversation, type User } from '../api.js'
import { go, pathOf } from '../router.js'
import { t } from '../texts.js'
import { Logs } from './logs.js'
import { Marks } from './marks.js'
import { Observable } from './observable.js'
import { Outbox } from './outbox.js'
import { People } from './people.js'
import { Typists } from './typists.js'

export type Status = 'connecting' | 'offline' | 'online'

/** The closing code after which the session has ended (docs/realtime.md). */
const SESSION_ENDED = 4401
/** A browser that is online again tries quickly; a server that is restarted is back within seconds. */
const BACKOFF = { baseMs: 500, ceilingMs: 10_000 }

export class ChatStore extends Observable {
  me: User
  status: Status = 'connecting'
  conversations = new Map<string, Conversation>()
  isLoaded = false
  readonly people: People
  readonly logs = new Logs(() => this.changed())
  readonly outbox: Outbox
  readonly typists = new Typists(() => this.changed())
  readonly marks: Marks
  /** why the server refused the last edit, deletion or reaction; '' if it did not */
  problem = ''
  /** is called with each new message of somebody else */
  onMessage: (message: Message) => void = () => {}
  #client: ChatClient | undefined
  #have: Record<string, number> | undefined
  readonly #ended: () => void

  /** @param ended is called when the session has ended */
  constructor (me: User, ended: () => void) {
    super()
    this.me = me
    this.#ended = ended
    this.outbox = new Outbox(me._id)
    this.marks = new Marks(me._id)
    this.people = new People(me._id, () => this.changed(), users => this.#client?.watch(users))
  }

  start (): void {
    window.addEventListener('online', this.#online)
    window.addEventListener('offline', this.#offline)
    if (navigator.onLine) this.#connect()
    else this.#setStatus('offline')
  }

  close (): void {
    window.removeEventListener('online', this.#online)
    window.removeEventListener('offline', this.#offline)
    this.#client?.close()
    this.#client = undefined
  }

  readonly #online = (): void => {
    if (this.#client === undefined) this.#connect()
    else this.#client.connect()
  }

  /** A socket may stay open for minutes after the network went: nothing may seem to be sent on it. */
  readonly #offline = (): void => {
    this.#have = this.#client?.have
    this.#client?.close()
    this.#client = undefined
    this.#setStatus('offline')
  }

  #connect (): void {
    const have = this.#have === undefined ? {} : { have: this.#have }
    const client = new ChatClient({ url: location.origin, backoff: BACKOFF, ...have })
    this.#client = client
    client.on('state', change => this.#onState(change))
    client.on('message', message => this.#onNew(message))
    client.on('change', change => this.#onChange(change))
    client.on('left', ({ conversation }) => this.left(conversation))
    client.on('receipt', receipt => this.#onReceipt(receipt))
    client.on('typing', notice => this.#onTyping(notice))
    client.on('presence', presence => this.people.setPresence(presence))
    client.on('synced', () => void this.#onSynced())
    this.#setStatus('connecting')
    for (const { frame, error } of this.outbox.all) if (error === undefined) this.#transmit(frame)
    client.connect()
  }

  #setStatus (status: Status): void {
    this.status = status
    this.changed()
  }

  #onState ({ state, code }: StateChange): void {
    if (state === 'stopped' && code === SESSION_ENDED) this.#ended()
    else if (state === 'stopped') this.#setStatus('offline')
    else if (state === 'waiting' || state === 'connecting') this.#setStatus('connecting')
  }

  async #onSynced (): Promise<void> {
    await this.refresh()
    const loaded = [...this.conversations.keys()].filter(id => this.logs.get(id).isLoaded)
    await Promise.all(loaded.map(id => this.logs.catchUp(id)))
    if (this.#client?.state === 'online') this.#setStatus('online')
  }

  /** Fetches the list of conversations and people. */
  async refresh (): Promise<void> {
    const [inbox] = await Promise.all([api.inbox().catch(() => undefined), this.people.load()])
    if (inbox === undefined) return
    this.conversations = new Map(inbox.map(conversation => [conversation.id, this.#newer(conversation)]))
    for (const { id, user, other, delivered, lastSeq } of inbox) {
      if (user !== undefined) this.people.add(user)
      if (user !== undefined && other !== undefined) this.marks.raise(id, user._id, other)
      if (delivered < lastSeq) this.#client?.delivered(id, lastSeq)
    }
    this.isLoaded = true
    this.people.watch()
    this.changed()
  }

  /** The inbox has no members of groups, and may be older than what came over the socket meanwhile. */
  #newer (conversation: Conversation): Conversation {
    const known = this.conversations.get(conversation.id)
    if (known !== undefined && known.lastSeq > conversation.lastSeq) return known
    const memberList = known?.memberList
    return memberList === undefined ? conversation : { ...conversation, memberList }
  }

  #onNew (message: Message): void {
    const { conversation: id, sender, clientId, seq } = message
    const isOwn = sender === this.me._id
    if (isOwn) this.outbox.remove(clientId)
    this.typists.end(id, sender)
    this.logs.add(message)
    const known = this.conversations.get(id)
    if (known === undefined) void this.refresh()
    else if (seq > known.lastSeq) {
      this.conversations.delete(id)
      const own = isOwn ? { read: seq, unread: 0 } : { unread: known.unread + 1 }
      const next = { ...known, lastSeq: seq, lastMessage: message, ...own }
      this.conversations = new Map([[id, next], ...this.conversations])
    }
    if (!isOwn) {
      this.#client?.delivered(id, seq)
      if (this.people.name(sender) === undefined) void this.refresh()
      this.onMessage(message)
    }
    this.changed()
  }

  #onChange (change: ChangeFrame): void {
    const { conversation: id, kind } = change
    this.logs.apply(change)
    const known = this.conversations.get(id)
    const last = known?.lastMessage
    if (kind === 'member' && change.user === this.me._id && change.role === null) {
      this.left(id)
    } else if (kind === 'member' || kind === 'group') {
      void this.refresh()
      void this.loadGroup(id)
    } else if (known !== undefined && last !== undefined) {
      this.conversations.set(id, { ...known, lastMessage: foldMessage(last, change) })
    }
    this.changed()
  }

  /** The user is not a member of a group any more. */
  left (conversation: string): void {
    this.conversations.delete(conversation)
    this.logs.forget(conversation)
    this.changed()
    if (location.pathname === pathOf(conversation)) go('/')
  }

  #onReceipt ({ conversation: id, user, delivered, read }: ReceiptFrame): void {
    if (user !== this.me._id) this.marks.raise(id, user, { delivered, read })
    else this.#setRead(id, read)
    this.changed()
  }

  #setRead (id: string, read: number): void {
    const known = this.conversations.get(id)
    if (known === undefined || read <= known.read) return
    const unread = read >= known.lastSeq ? 0 : Math.min(known.unread, known.lastSeq - read)
    this.conversations.set(id, { ...known, read, unread })
  }

  #onTyping ({ conversation, user, on }: TypingNotice): void {
    if (on && user !== this.me._id) this.typists.begin(conversation, user)
    else this.typists.end(conversation, user)
  }

  /** The user has seen everything of a conversation. */
  markRead (id: string): void {
    const known = this.conversations.get(id)
    if (known === undefined || known.read >= known.lastSeq) return
    this.#client?.read(id, known.lastSeq)
    this.#setRead(id, known.lastSeq)
    this.changed()
  }

  type (conversation: string, on: boolean): void { this.#client?.typing({ conversation }, on) }

  /** Fetches the members of a group. */
  async loadGroup (id: string): Promise<void> {
    const group = await api.group(id).catch(() => undefined)
    if (group === undefined) return
    for (const { user } of group.memberList ?? []) this.people.add(user)
    const known = this.conversations.get(id)
    this.conversations.set(id, { ...group, ...(known === undefined ? {} : { unread: known.unread }) })
    this.changed()
  }

  /** Sends a message or a change, now or when the server can be reached. */
  send (frame: Omit<Outgoing, 'clientId'>): void {
    const whole = { ...frame, clientId: randomUuid() } as Outgoing
    this.problem = ''
    this.outbox.add(whole)
    this.#transmit(whole)
  }

  /** Sends again what the server refused. */
  retry (frame: Outgoing): void {
    this.outbox.fail(frame.clientId, undefined)
    this.#transmit(frame)
  }

  #transmit (frame: Outgoing): void {
    this.changed()
    this.#client?.resend(frame).then(answer => {
      if (frame.type === 'send') this.logs.add(answer as Message)
      this.outbox.remove(frame.clientId)
    }, (error: ChatError) => {
      if (error.code === 'closed') return
      if (frame.type === 'send') return this.outbox.fail(frame.clientId, error.message || t.failed)
      this.outbox.remove(frame.clientId)
      this.problem = error.message || t.failed
    }).finally(() => this.changed())
  }
}
