import { lazy, Suspense, useEffect, useRef, useState, type KeyboardEvent } from 'react'
import { createPortal } from 'react-dom'
import type { Message } from 'chat-app-client'
import { useChat } from '../chat-context.js'
import { t } from '../texts.js'
import type { Intent } from './Composer.js'

const EmojiPicker = lazy(() => import('./EmojiPicker.js'))

const QUICK = ['👍', '❤️', '😂', '😮', '😢', '🎉']
/** The menu is above its button if there is less room below. */
const ROOM_PX = 240

interface Props {
  message: Message
  anchor: HTMLElement
  onIntent: (intent: Intent) => void
  onClose: () => void
}

function placeAt (anchor: HTMLElement) {
  const { top, bottom, left } = anchor.getBoundingClientRect()
  const below = window.innerHeight - bottom > ROOM_PX
  return {
    left: Math.max(8, Math.min(left, window.innerWidth - 200)),
    ...(below ? { top: bottom + 4 } : { bottom: window.innerHeight - top + 4 })
  }
}

/** Arrow keys go round the buttons of a menu. */
function moveFocus (event: KeyboardEvent<HTMLElement>): void {
  const steps: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }
  const step = steps[event.key]
  const buttons = [...event.currentTarget.querySelectorAll('button')]
  if (step === undefined || buttons.length === 0) return
  event.preventDefault()
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement)
  buttons[(at + step + buttons.length) % buttons.length]!.focus()
}

/** What can be done with a message. Escape closes it and gives the focus back. */
export function MessageMenu ({ message, anchor, onIntent, onClose }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const [mode, setMode] = useState<'menu' | 'react' | 'all'>('menu')
  useEffect(() => {
    box.current?.querySelector('button')?.focus()
  }, [mode])
  useEffect(() => {
    const outside = (event: PointerEvent) => {
      if (!box.current!.contains(event.target as Node)) onClose()
    }
    document.addEventListener('pointerdown', outside)
    return () => document.removeEventListener('pointerdown', outside)
  })
  const close = () => {
    anchor.focus()
    onClose()
  }
  const keys = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key === 'Tab' && mode === 'menu') close()
    if (event.key !== 'Escape') return moveFocus(event)
    event.stopPropagation()
    close()
  }
  const choose = (intent: Intent) => {
    onIntent(intent)
    onClose()
  }
  return createPortal(
    <div
      ref={box} className={`menu menu-${mode}`} style={placeAt(anchor)} onKeyDown={keys}
      role={mode === 'menu' ? 'menu' : 'dialog'} aria-label={mode === 'menu' ? t.messageActions : t.react}
    >
      {mode === 'menu' &&
        <Items message={message} onChoose={choose} onReact={() => setMode('react')} onDone={close} />}
      {mode !== 'menu' &&
        <Choices message={message} isAll={mode === 'all'} onMore={() => setMode('all')} onDone={close} />}
    </div>, document.body)
}

interface ItemsProps {
  message: Message
  onChoose: (intent: Intent) => void
  onReact: () => void
  onDone: () => void
}

function Items ({ message, onChoose, onReact, onDone }: ItemsProps) {
  const store = useChat()
  const isOwn = message.sender === store.me._id
  const { conversation, seq } = message
  const role = store.conversations.get(conversation)?.role
  const mayDelete = isOwn || role === 'owner' || role === 'admin'
  const choose = (kind: 'reply' | 'edit') => onChoose({ kind, message })
  const remove = () => {
    store.send({ type: 'delete', conversation, seq } as never)
    onDone()
    // The button that opened the menu goes with the message.
    document.querySelector<HTMLElement>('.log')?.focus()
  }
  return (
    <>
      <button type='button' role='menuitem' onClick={() => choose('reply')}>{t.reply}</button>
      <button type='button' role='menuitem' onClick={onReact}>{t.react}</button>
      {isOwn && <button type='button' role='menuitem' onClick={() => choose('edit')}>{t.edit}</button>}
      {mayDelete && <button type='button' role='menuitem' onClick={remove}>{t.delete}</button>}
    </>
  )
}

interface ChoicesProps { message: Message, isAll: boolean, onMore: () => void, onDone: () => void }

function Choices ({ message, isAll, onMore, onDone }: ChoicesProps) {
  const store = useChat()
  const { conversation, seq } = message
  const react = (emoji: string) => {
    const on = !(message.reactions?.[emoji]?.includes(store.me._id) ?? false)
    store.send({ type: 'react', conversation, seq, emoji, on } as never)
    onDone()
  }
  if (isAll) return <Suspense><EmojiPicker onEmoji={react} /></Suspense>
  return (
    <>
      {QUICK.map(emoji => <button key={emoji} type='button' onClick={() => react(emoji)}>{emoji}</button>)}
      <button type='button' aria-label={t.moreEmoji} onClick={onMore}>+</button>
    </>
  )
}
