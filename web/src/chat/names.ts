import { partnerIn, type Message } from 'chat-app-client'
import type { Conversation, User } from '../api.js'
import type { ChatStore } from '../store/chat-store.js'
import { t } from '../texts.js'

/** The name of a user; of one that the page has not met yet, an ellipsis. */
export function nameOf (store: ChatStore, user: string): string {
  return user === store.me._id ? store.me.username : store.people.name(user) ?? '…'
}

/** Whom a direct conversation is with. */
export function partnerOf (store: ChatStore, id: string): User | undefined {
  const other = partnerIn(id, store.me._id)
  if (other === store.me._id) return store.me
  if (other === undefined) return undefined
  return store.people.all.get(other) ?? store.conversations.get(id)?.user
}

/** The title of a conversation. */
export function titleOf (store: ChatStore, id: string): string {
  const partner = partnerOf(store, id)
  return partner?.username ?? store.conversations.get(id)?.name ?? '…'
}

/** The last message of a conversation in a line. */
export function previewOf (store: ChatStore, { lastMessage, kind }: Conversation): string {
  if (lastMessage === undefined) return ''
  const text = textOf(lastMessage)
  if (lastMessage.sender === store.me._id) return `${t.you}: ${text}`
  return kind === 'group' ? `${nameOf(store, lastMessage.sender)}: ${text}` : text
}

export function textOf (message: Message): string {
  return message.deletedAt === undefined ? message.message : t.deleted
}

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', {
  weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'
})
const short = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

/** hh:mm; the sender's clock may have sent anything. */
export function timeOf (iso: string): string {
  const date = new Date(iso)
  return Number.isNaN(date.getTime()) ? '--:--' : time.format(date)
}

/** Today, Yesterday, or the date. */
export function dayOf (iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return ''
  const today = new Date()
  if (date.toDateString() === today.toDateString()) return t.today
  today.setDate(today.getDate() - 1)
  return date.toDateString() === today.toDateString() ? t.yesterday : day.format(date)
}

/** The time of today, otherwise the day. */
export function shortTimeOf (iso: string): string {
  const date = new Date(iso)
  return dayOf(iso) === t.today ? timeOf(iso) : Number.isNaN(date.getTime()) ? '' : short.format(date)
}
