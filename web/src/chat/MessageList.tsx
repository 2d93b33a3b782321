import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Virtualizer, type VirtualizerHandle } from 'virtua'
import { useChat } from '../chat-context.js'
import { t } from '../texts.js'
import type { Intent } from './Composer.js'
import { MessageItem } from './MessageItem.js'
import { titleOf } from './names.js'
import { rowsOf, type Row, type WaitingMessage } from './rows.js'
import { WaitingItem } from './WaitingItem.js'

/** Within this distance the newest message counts as seen, and the list follows new ones. */
const NEAR_PX = 80
/** Older messages are fetched before their place is reached. */
const EARLY_PX = 800

interface Props { id: string, onIntent: (intent: Intent) => void }

function useRows (id: string): Row[] {
  const store = useChat()
  const [readTo, setReadTo] = useState<number>()
  const wasKnown = useRef(false)
  const known = store.conversations.get(id)
  useEffect(() => {
    if (wasKnown.current || !store.isLoaded) return
    wasKnown.current = true
    if (known !== undefined && known.unread > 0) setReadTo(known.read)
  })
  const waiting = store.outbox.all.filter((one): one is WaitingMessage =>
    one.frame.type === 'send' && one.frame.conversation === id)
  return rowsOf(store.logs.get(id).messages, waiting, store.me._id, readTo)
}

/** Keeps the newest message in sight, unless the user scrolled back; says what was read. */
function useFollowing (id: string, rows: Row[], list: React.RefObject<VirtualizerHandle | null>) {
  const store = useChat()
  const isAtEnd = useRef(true)
  const [isFar, setFar] = useState(false)
  const last = rows.at(-1)
  const lastKey = last?.key
  const isOwn = last?.kind === 'waiting'
  const toEnd = () => list.current?.scrollToIndex(rows.length - 1, { align: 'end' })
  useLayoutEffect(() => {
    if (lastKey !== undefined && (isAtEnd.current || isOwn)) toEnd()
    // Only a new last line moves the list.
  }, [lastKey, rows.length === 0])
  useEffect(() => {
    const read = () => {
      if (!document.hidden && isAtEnd.current && store.logs.get(id).isLoaded) store.markRead(id)
    }
    read()
    document.addEventListener('visibilitychange', read)
    return () => document.removeEventListener('visibilitychange', read)
  })
  const onScroll = (offset: number) => {
    const { scrollSize = 0, viewportSize = 0 } = list.current ?? {}
    isAtEnd.current = scrollSize - viewportSize - offset < NEAR_PX
    setFar(scrollSize - viewportSize - offset > viewportSize)
    if (isAtEnd.current && !document.hidden) store.markRead(id)
    if (offset < EARLY_PX) void store.logs.load(id)
  }
  const onResize = () => {
    if (isAtEnd.current) toEnd()
  }
  return { onScroll, onResize, isFar, toEnd }
}

/** The log of the open conversation. Only what can be seen is in the document. */
export function MessageList ({ id, onIntent }: Props) {
  const store = useChat()
  const list = useRef<VirtualizerHandle>(null)
  const rows = useRows(id)
  const { onScroll, onResize, isFar, toEnd } = useFollowing(id, rows, list)
  const log = store.logs.get(id)
  const isEmpty = log.isLoaded && rows.length === 0
  return (
    <div className='log-frame'>
      <div role='log' aria-label={t.messages} aria-relevant='additions' className='log' tabIndex={0}>
        <div className='log-space' />
        {!log.isLoaded && rows.length === 0 && <Skeleton />}
        {isEmpty && <p className='empty'>{t.noMessages(titleOf(store, id))}</p>}
        <Virtualizer
          ref={list} shift={log.isShifted} bufferSize={900} onScroll={onScroll} onResize={onResize}
        >
          {rows.map(row => <Line key={row.key} row={row} onIntent={onIntent} />)}
        </Virtualizer>
      </div>
      {isFar && <button type='button' className='jump' onClick={toEnd}>{t.jump}</button>}
    </div>
  )
}

function Line ({ row, onIntent }: { row: Row, onIntent: (intent: Intent) => void }) {
  switch (row.kind) {
    case 'day': return <div className='day'><span>{row.text}</span></div>
    case 'new': return <div className='new-line'><span>{t.newMessages}</span></div>
    case 'waiting': return <WaitingItem waiting={row.waiting} />
    case 'message': return <MessageItem message={row.message} isGrouped={row.isGrouped} onIntent={onIntent} />
  }
}

function Skeleton () {
  return (
    <div className='placeholder-glow p-3' aria-hidden='true'>
      {[40, 60, 30].map(width =>
        <span key={width} className='placeholder skeleton' style={{ width: `${width}%` }} />)}
    </div>
  )
}
