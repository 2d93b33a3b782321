import { lazy, Suspense, useEffect, useState } from 'react'
import Button from 'react-bootstrap/Button'
import type { Message } from 'chat-app-client'
import { useChat } from '../chat-context.js'
import { go } from '../router.js'
import { isGroup } from '../store/marks.js'
import { t } from '../texts.js'
import { Avatar } from './Avatar.js'
import { Composer, type Intent } from './Composer.js'
import { MessageList } from './MessageList.js'
import { nameOf, partnerOf, shortTimeOf, titleOf } from './names.js'

const GroupPanel = lazy(() => import('../dialogs/GroupPanel.js'))

/** The open conversation. */
export function ConversationView ({ id }: { id: string }) {
  const store = useChat()
  const [intent, setIntent] = useState<Intent>()
  useEffect(() => {
    store.problem = ''
    void store.logs.load(id)
    if (isGroup(id)) void store.loadGroup(id)
  }, [id, store])
  return (
    <>
      <Head id={id} />
      <MessageList id={id} onIntent={setIntent} />
      <Typists id={id} />
      {store.problem !== '' && <div role='alert' className='problem'>{store.problem}</div>}
      <Composer
        id={id} intent={intent} onIntent={setIntent}
        lastOwn={() => lastOwn(store.logs.get(id).messages)}
      />
    </>
  )

  function lastOwn (messages: Message[]): Message | undefined {
    return messages.findLast(message => message.sender === store.me._id && message.deletedAt === undefined)
  }
}

function Head ({ id }: { id: string }) {
  const store = useChat()
  const [isPanelOpen, setPanelOpen] = useState(false)
  const title = titleOf(store, id)
  const partner = partnerOf(store, id)
  const group = partner === undefined ? store.conversations.get(id) : undefined
  return (
    <header className='pane-head'>
      <Button variant='link' className='back' onClick={() => go('/')}>{t.back}</Button>
      <Avatar
        name={title} picture={partner?.avatarImage ?? group?.avatarImage} size={40}
        online={partner === undefined ? undefined : store.people.presence.get(partner._id)?.online ?? false}
      />
      <div className='flex-fill overflow-hidden'>
        <h2 className='text-truncate' dir='auto'>{title}</h2>
        <small className='text-body-secondary'>
          {group === undefined ? presenceText(partner?._id) : t.membersCount(group.members)}
        </small>
      </div>
      {group !== undefined &&
        <Button variant='outline-secondary' size='sm' onClick={() => setPanelOpen(true)}>
          {t.groupDetails}
        </Button>}
      {partner !== undefined && partner._id !== store.me._id && <BlockButton user={partner._id} />}
      <Suspense>{isPanelOpen && <GroupPanel id={id} onClose={() => setPanelOpen(false)} />}</Suspense>
    </header>
  )

  function presenceText (user = ''): string {
    const presence = store.people.presence.get(user)
    if (presence?.online === true) return t.online
    return presence?.lastSeen === undefined ? '' : t.lastSeen(shortTimeOf(presence.lastSeen))
  }
}

function BlockButton ({ user }: { user: string }) {
  const { people } = useChat()
  const isBlocked = people.blocked.has(user)
  return (
    <Button
      variant='outline-secondary' size='sm'
      onClick={() => void people.block(user, !isBlocked).catch(() => {})}
    >{isBlocked ? t.unblock : t.block}
    </Button>
  )
}

function Typists ({ id }: { id: string }) {
  const store = useChat()
  const names = store.typists.in(id).map(user => nameOf(store, user))
  return (
    <div className='typing' aria-live='polite'>
      {names.length > 0 && <><span className='dots' aria-hidden='true' />{t.isTyping(names.join(', '))}</>}
    </div>
  )
}
