import { memo, useRef, useState } from 'react'
import type { Message } from 'chat-app-client'
import { useChat } from '../chat-context.js'
import { t } from '../texts.js'
import type { Intent } from './Composer.js'
import { Mark } from './Mark.js'
import { MessageMenu } from './MessageMenu.js'
import { nameOf, textOf, timeOf } from './names.js'
import { isOneEmoji, Text } from './Text.js'

interface Props { message: Message, isGrouped: boolean, onIntent: (intent: Intent) => void }

/** A message: author and text first, time last. */
export const MessageItem = memo(function MessageItem ({ message, isGrouped, onIntent }: Props) {
  const store = useChat()
  const isOwn = message.sender === store.me._id
  const isDeleted = message.deletedAt !== undefined
  const isGroup = message.reciver === undefined
  const isAuthorShown = isGroup && !isOwn && !isGrouped
  const isLarge = !isDeleted && isOneEmoji(message.message)
  return (
    <article className={`message ${isOwn ? 'own' : ''} ${isGrouped ? 'grouped' : ''}`}>
      <strong className={isAuthorShown ? 'author' : 'visually-hidden'} dir='auto'>
        {nameOf(store, message.sender)}
      </strong>
      <div className='bubble-line'>
        <div className={`bubble ${isLarge ? 'large' : ''}`}>
          {message.replyTo !== undefined &&
            <Quote conversation={message.conversation} seq={message.replyTo} />}
          {isDeleted ? <div className='text deleted'>{t.deleted}</div> : <Text text={message.message} />}
          <footer>
            {message.editedAt !== undefined && <span>{t.edited}</span>}
            {' '}<time dateTime={message.createdAt}>{timeOf(message.createdAt)}</time>{' '}
            {isOwn && !isDeleted && <Mark message={message} />}
          </footer>
        </div>
        {!isDeleted && <Actions message={message} onIntent={onIntent} />}
      </div>
      <Reactions message={message} />
    </article>
  )
})

function Quote ({ conversation, seq }: { conversation: string, seq: number }) {
  const store = useChat()
  const message = store.logs.get(conversation).messages.find(one => one.seq === seq)
  return (
    <blockquote dir='auto'>
      {message === undefined
        ? t.earlierMessage
        : <><strong>{nameOf(store, message.sender)}</strong> <span>{textOf(message)}</span></>}
    </blockquote>
  )
}

function Actions ({ message, onIntent }: Omit<Props, 'isGrouped'>) {
  const button = useRef<HTMLButtonElement>(null)
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <button
        ref={button} type='button' className='actions' aria-label={t.messageActions} aria-haspopup='menu'
        aria-expanded={isOpen} onClick={() => setOpen(true)}
      ><span aria-hidden='true'>⋯</span>
      </button>
      {isOpen && <MessageMenu
        message={message} anchor={button.current!} onIntent={onIntent} onClose={() => setOpen(false)}
                 />}
    </>
  )
}

function Reactions ({ message }: { message: Message }) {
  const store = useChat()
  const reactions = Object.entries<string[]>(message.reactions ?? {})
  if (reactions.length === 0) return null
  return (
    <div className='reactions'>
      {reactions.map(([emoji, users]) => {
        const isOwn = users.includes(store.me._id)
        const { conversation, seq } = message
        return (
          <button
            key={emoji} type='button' aria-pressed={isOwn}
            title={users.map(user => nameOf(store, user)).join(', ')}
            onClick={() => store.send({ type: 'react', conversation, seq, emoji, on: !isOwn } as never)}
          >{emoji} {users.length}
          </button>
        )
      })}
    </div>
  )
}
