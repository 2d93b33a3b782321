import { lazy, Suspense, useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react'
import Button from 'react-bootstrap/Button'
import type { Message } from 'chat-app-client'
import { useChat } from '../chat-context.js'
import { t } from '../texts.js'
import { nameOf, textOf } from './names.js'
import { withEmoji } from './emoji-data.js'
import { useCompletion } from './useCompletion.js'
import { useDraft } from './useDraft.js'

const EmojiPicker = lazy(() => import('./EmojiPicker.js'))

/** What the next message does besides being sent. */
export type Intent = { kind: 'reply' | 'edit', message: Message } | undefined

interface Props {
  id: string
  intent: Intent
  onIntent: (intent: Intent) => void
  lastOwn: () => Message | undefined
}

/** Sends the text as a message, a reply or an edit. */
function useSending ({ id, intent, onIntent }: Props) {
  const store = useChat()
  const draft = useDraft(store.me._id, id)
  const edited = intent?.kind === 'edit' ? intent.message : undefined
  useEffect(() => {
    if (edited !== undefined) draft.borrow(edited.message)
    // Only another intent changes the text.
  }, [edited])
  const cancel = () => {
    if (edited !== undefined) draft.restore()
    onIntent(undefined)
  }
  const send = () => {
    const message = withEmoji(draft.text)
    if (message.trim() === '') return
    if (edited === undefined) {
      const answer = intent === undefined ? {} : { replyTo: intent.message.seq }
      store.send({ type: 'send', conversation: id, message, ...answer } as never)
      draft.clear()
    } else {
      store.send({ type: 'edit', conversation: id, seq: edited.seq, message } as never)
      draft.restore()
    }
    onIntent(undefined)
    store.type(id, false)
  }
  const change = (text: string) => {
    draft.setText(text)
    if (edited === undefined) store.type(id, text !== '')
  }
  return { text: draft.text, change, send, cancel }
}

/** The text box grows with its text. */
function useGrowing (text: string) {
  const box = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => {
    box.current!.style.height = 'auto'
    box.current!.style.height = `${box.current!.scrollHeight + 2}px`
  }, [text])
  return box
}

/** What the keys do in the text box; while a code is completed, some choose from the list. */
function keyHandler (
  completion: ReturnType<typeof useCompletion>, send: () => void, cancel: () => void,
  up: (() => void) | undefined
) {
  return (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    const isCompleting = completion.choices.length > 0
    const choose = isCompleting ? () => completion.choose() : undefined
    const handlers: Record<string, (() => void) | undefined> = {
      Enter: event.shiftKey ? undefined : choose ?? send,
      Tab: choose,
      Escape: isCompleting ? completion.close : cancel,
      ArrowDown: isCompleting ? () => completion.move(1) : undefined,
      ArrowUp: isCompleting ? () => completion.move(-1) : up
    }
    const handle = handlers[event.key]
    if (handle === undefined) return
    event.preventDefault()
    handle()
  }
}

export function Composer (props: Props) {
  const { intent, onIntent, lastOwn } = props
  const { text, change, send, cancel } = useSending(props)
  const completion = useCompletion(text, change)
  const box = useGrowing(text)
  useEffect(() => {
    const isTouch = matchMedia('(pointer: coarse)').matches
    if (intent !== undefined || !isTouch) box.current?.focus()
  }, [intent, box])

  const editLast = () => {
    const message = lastOwn()
    if (message !== undefined) onIntent({ kind: 'edit', message })
  }
  const keys = keyHandler(completion, send, cancel, text === '' ? editLast : undefined)
  return (
    <form
      className='composer' onSubmit={event => {
        event.preventDefault()
        send()
      }}
    >
      <IntentLine intent={intent} onCancel={cancel} />
      <Completion {...completion} />
      <div className='composer-line'>
        <EmojiButton onEmoji={emoji => change(text + emoji)} focus={() => box.current?.focus()} />
        <textarea
          ref={box} className='form-control' rows={1} aria-label={t.message} placeholder={t.message}
          dir='auto'
          value={text} onChange={event => change(event.target.value)} onKeyDown={keys}
        />
        <Button type='submit' disabled={text.trim() === ''}>{t.send}</Button>
      </div>
    </form>
  )
}

function IntentLine ({ intent, onCancel }: { intent: Intent, onCancel: () => void }) {
  const store = useChat()
  if (intent === undefined) return null
  const { kind, message } = intent
  return (
    <div className='intent'>
      <span className='text-truncate flex-fill' dir='auto'>
        <strong>{kind === 'edit' ? t.editing : t.replyingTo(nameOf(store, message.sender))}</strong>{' '}
        {textOf(message)}
      </span>
      <Button size='sm' variant='link' onClick={onCancel}>{t.cancel}</Button>
    </div>
  )
}

function Completion ({ choices, at, choose }: ReturnType<typeof useCompletion>) {
  if (choices.length === 0) return null
  return (
    <div className='completion' role='listbox' aria-label={t.emoji}>
      {choices.map(([code, emoji], index) => (
        <div
          key={code} role='option' aria-selected={index === at}
          onMouseDown={event => {
            event.preventDefault()
            choose(index)
          }}
        >{emoji} :{code}:
        </div>
      ))}
    </div>
  )
}

function EmojiButton ({ onEmoji, focus }: { onEmoji: (emoji: string) => void, focus: () => void }) {
  const [isOpen, setOpen] = useState(false)
  const button = useRef<HTMLButtonElement>(null)
  return (
    <div
      onKeyDown={event => {
        if (event.key !== 'Escape' || !isOpen) return
        event.stopPropagation()
        setOpen(false)
        button.current?.focus()
      }}
    >
      <button
        ref={button} type='button' className='btn btn-outline-secondary' aria-label={t.emoji}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      ><span aria-hidden='true'>☺</span>
      </button>
      {isOpen && (
        <div className='picker-popup'>
          <Suspense>
            <EmojiPicker
              onEmoji={emoji => {
                onEmoji(emoji)
                setOpen(false)
                focus()
              }}
            />
          </Suspense>
        </div>
      )}
    </div>
  )
}
