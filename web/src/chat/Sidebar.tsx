import { conversationOf } from 'chat-app-client'
import { useEffect, useState } from 'react'
import Button from 'react-bootstrap/Button'
import Form from 'react-bootstrap/Form'
import type { Conversation, User } from '../api.js'
import { useChat } from '../chat-context.js'
import { go, pathOf } from '../router.js'
import type { ChatStore } from '../store/chat-store.js'
import { t } from '../texts.js'
import { Avatar } from './Avatar.js'
import type { Dialog } from './ChatPage.js'
import { previewOf, shortTimeOf, titleOf } from './names.js'

/** The server is asked when the typing pauses for so long. */
const SEARCH_MS = 200
/** New people are not announced: a small directory is fetched again so often while the page is seen. */
const REFRESH_MS = 20_000
const SMALL = 50

interface Item { id: string, title: string, conversation?: Conversation, user?: User | undefined }

function itemsOf (store: ChatStore, search: string): Item[] {
  const talks = [...store.conversations.values()].map((conversation): Item =>
    ({ id: conversation.id, title: titleOf(store, conversation.id), conversation, user: conversation.user }))
  const known = new Set(talks.map(item => item.id))
  const people = [...store.people.all.values()]
    .filter(user => user.deleted !== true && user._id !== store.me._id)
    .map((user): Item => ({ id: conversationOf(store.me._id, user._id), title: user.username, user }))
    .filter(item => !known.has(item.id))
    .sort((a, b) => a.title.localeCompare(b.title))
  const wanted = search.trim().toLowerCase()
  return [...talks, ...people].filter(item => item.title.toLowerCase().includes(wanted))
}

function useFreshPeople (search: string): void {
  const store = useChat()
  useEffect(() => {
    if (search.trim() === '') return
    const timer = setTimeout(() => void store.people.search(search.trim()), SEARCH_MS)
    return () => clearTimeout(timer)
  }, [search, store])
  useEffect(() => {
    const timer = setInterval(() => {
      const isUseful = !document.hidden && store.status === 'online' && store.people.all.size < SMALL
      if (isUseful) void store.people.load().then(() => store.people.watch())
    }, REFRESH_MS)
    return () => clearInterval(timer)
  }, [store])
}

interface Props { open: string | undefined, onDialog: (dialog: Dialog) => void }

/** Conversations, newest first, then the other people. */
export function Sidebar ({ open, onDialog }: Props) {
  const store = useChat()
  const [search, setSearch] = useState('')
  useFreshPeople(search)
  const items = itemsOf(store, search)
  return (
    <div className='sidebar'>
      <header className='sidebar-head'>
        <Avatar name={store.me.username} picture={store.me.avatarImage} size={36} />
        <strong className='flex-fill text-truncate' dir='auto'>{store.me.username}</strong>
        <Button variant='outline-primary' size='sm' onClick={() => onDialog('group')}>{t.newGroup}</Button>
        <Button variant='outline-secondary' size='sm' onClick={() => onDialog('settings')}>
          {t.settings}
        </Button>
      </header>
      <div className='px-3 pb-2'>
        <Form.Control
          type='search' aria-label={t.search} placeholder={t.searchHint} value={search}
          onChange={event => setSearch(event.target.value)}
        />
      </div>
      <nav aria-label={t.conversations} className='items'>
        {!store.isLoaded && <Skeleton />}
        {store.isLoaded && items.length === 0 &&
          <p className='px-3 text-body-secondary'>{search === '' ? t.noConversations : t.noResults}</p>}
        {store.isLoaded &&
          <ul>{items.map(item => <Row key={item.id} item={item} isOpen={item.id === open} />)}</ul>}
      </nav>
    </div>
  )
}

function Skeleton () {
  return (
    <div className='placeholder-glow px-3' aria-hidden='true'>
      {[1, 2, 3, 4, 5].map(n => <span key={n} className='placeholder skeleton' />)}
    </div>
  )
}

function Row ({ item: { id, title, conversation, user }, isOpen }: { item: Item, isOpen: boolean }) {
  const store = useChat()
  const online = user === undefined ? undefined : store.people.presence.get(user._id)?.online ?? false
  const picture = user === undefined
    ? conversation?.avatarImage
    : store.people.all.get(user._id)?.avatarImage ?? user.avatarImage
  const last = conversation?.lastMessage
  const unread = conversation?.unread ?? 0
  return (
    <li>
      <a
        href={pathOf(id)} className='item' aria-current={isOpen ? 'page' : undefined}
        onClick={event => {
          event.preventDefault()
          go(pathOf(id))
        }}
      >
        <Avatar name={title} picture={picture} online={online} />
        <span className='item-text'>
          <span className='item-line'>
            <strong className='text-truncate' dir='auto'>{title}</strong>
            {last !== undefined &&
              <small className='text-body-secondary'>{shortTimeOf(last.createdAt)}</small>}
          </span>
          <span className='item-line'>
            <span className='item-preview' dir='auto'>
              {conversation === undefined ? '' : previewOf(store, conversation)}
            </span>
            {unread > 0 && <span className='badge rounded-pill text-bg-primary'>{unread}</span>}
          </span>
          {online === true && <span className='visually-hidden'>{t.online}</span>}
        </span>
      </a>
    </li>
  )
}
