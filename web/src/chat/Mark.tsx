import type { Message } from 'chat-app-client'
import { useChat } from '../chat-context.js'
import type { ChatStore } from '../store/chat-store.js'
import { t } from '../texts.js'
import { nameOf } from './names.js'

/** Who counts: the other members, but not those who joined after the message. */
function othersOf (store: ChatStore, { conversation, reciver, createdAt }: Message): string[] {
  if (reciver !== undefined) return [reciver]
  const members = store.conversations.get(conversation)?.memberList ?? []
  const sentAt = Date.parse(createdAt)
  return members
    .filter(({ user, joinedAt }) => user._id !== store.me._id && Date.parse(joinedAt) <= sentAt)
    .map(({ user }) => user._id)
}

/** How far an own message came: received or read by all others. In groups its title names the readers. */
export function Mark ({ message }: { message: Message }) {
  const store = useChat()
  const { conversation, seq, reciver } = message
  const others = othersOf(store, message)
  const marks = store.marks.of(conversation)
  const readers = others.filter(user => seq <= (marks.get(user)?.read ?? 0))
  const isRead = others.length > 0 && readers.length === others.length
  const isDelivered = others.length > 0 && others.every(user => seq <= (marks.get(user)?.delivered ?? 0))
  const names = readers.map(user => nameOf(store, user)).join(', ')
  return (
    <span
      className='tick' data-read={isRead}
      title={reciver === undefined && names !== '' ? t.readBy(names) : undefined}
    >
      <span aria-hidden='true'>{isRead || isDelivered ? '✓✓' : '✓'}</span>
      <span className='visually-hidden'>{isRead ? t.read : isDelivered ? t.delivered : t.sent}</span>
    </span>
  )
}
