import { lazy, Suspense, useEffect, useState } from 'react'
import { useChat } from '../chat-context.js'
import { conversationOfPath, go, pathOf, usePath } from '../router.js'
import { storage } from '../store/storage.js'
import { t } from '../texts.js'
import { ConversationView } from './ConversationView.js'
import { nameOf } from './names.js'
import { Sidebar } from './Sidebar.js'
import { StatusLine } from './StatusLine.js'

const Settings = lazy(() => import('../dialogs/Settings.js'))
const NewGroup = lazy(() => import('../dialogs/NewGroup.js'))

export type Dialog = 'settings' | 'group' | undefined

/** The conversations, and the open one. */
export function ChatPage ({ onLogOut }: { onLogOut: () => void }) {
  const store = useChat()
  const open = conversationOfPath(usePath())
  const [dialog, setDialog] = useState<Dialog>()
  useTitle()
  useNotifications()
  const close = () => setDialog(undefined)
  return (
    <div className='chat' data-open={open !== undefined}>
      <Sidebar open={open} onDialog={setDialog} />
      <main className='pane'>
        <StatusLine status={store.status} />
        {open === undefined
          ? <div className='empty'><img src='/icon.svg' alt='' width='72' /><p>{t.pickOne}</p></div>
          : <ConversationView key={open} id={open} />}
      </main>
      <Suspense>
        {dialog === 'settings' && <Settings onClose={close} onLogOut={onLogOut} />}
        {dialog === 'group' && <NewGroup onClose={close} />}
      </Suspense>
    </div>
  )
}

function useTitle (): void {
  const { conversations } = useChat()
  const unread = [...conversations.values()].reduce((sum, conversation) => sum + conversation.unread, 0)
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${t.app}` : t.app
  }, [unread])
}

/** Shows messages that come while the page is hidden, if the user switched that on. */
function useNotifications (): void {
  const store = useChat()
  useEffect(() => {
    store.onMessage = message => {
      const isWanted = storage.get<boolean>('notifications') === true
      if (!document.hidden || !isWanted || Notification.permission !== 'granted') return
      const shown = new Notification(nameOf(store, message.sender), {
        body: message.message.slice(0, 200), tag: message.conversation, icon: '/icon.svg'
      })
      shown.onclick = () => {
        window.focus()
        go(pathOf(message.conversation))
      }
    }
  }, [store])
}
