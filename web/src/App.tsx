import { useEffect, useState } from 'react'
import { api, ApiError, whenSessionEnds, type User } from './api.js'
import { AvatarPage } from './auth/AvatarPage.js'
import { AuthPage } from './auth/AuthPage.js'
import { ChatPage } from './chat/ChatPage.js'
import { StatusLine } from './chat/StatusLine.js'
import { ChatContext } from './chat-context.js'
import { go, usePath } from './router.js'
import { ChatStore } from './store/chat-store.js'
import { t } from './texts.js'

/** Undefined until the server said whether there is a session. */
type Account = User | null | undefined

const RETRY_MS = 2_000

/** Finds the user of the cookie; null without a session. */
async function findUser (): Promise<User | null> {
  return await api.hasSession() ? await api.me() : null
}

function useAccount () {
  const [account, setAccount] = useState<Account>(undefined)
  const [ended, setEnded] = useState(false)
  useEffect(() => {
    let timer = 0
    let isOver = false
    const find = (): void => {
      findUser().then(user => {
        if (!isOver) setAccount(user)
      }, error => {
        if (isOver) return
        if (error instanceof ApiError && error.status === 401) setAccount(null)
        else timer = window.setTimeout(find, RETRY_MS)
      })
    }
    find()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [])
  const end = (): void => {
    setEnded(true)
    setAccount(null)
  }
  return { account, setAccount, ended, setEnded, end }
}

/** The store of an account, connected while it is shown. */
function useStoreOf (user: Account, end: () => void): ChatStore | undefined {
  const [store, setStore] = useState<ChatStore>()
  const id = user?._id
  useEffect(() => {
    if (user === null || user === undefined) return
    const next = new ChatStore(user, end)
    whenSessionEnds(end)
    next.start()
    setStore(next)
    return () => {
      next.close()
      whenSessionEnds(() => {})
      setStore(undefined)
    }
    // A changed avatar is the same account.
  }, [id])
  return store
}

export function App () {
  const path = usePath()
  const { account, setAccount, ended, setEnded, end } = useAccount()
  const store = useStoreOf(account, end)

  if (account === undefined) return <Starting />
  if (account === null) {
    const isRegister = path === '/register'
    const enter = (user: User) => {
      setEnded(false)
      if (isRegister) go('/avatar', true)
      else if (path === '/login') go('/', true)
      setAccount(user)
    }
    return <AuthPage key={path} isRegister={isRegister} ended={ended} onUser={enter} />
  }
  if (path === '/avatar') {
    const done = (user: User) => {
      setAccount(user)
      if (store !== undefined) store.me = user
      go('/', true)
    }
    return <AvatarPage user={account} onSaved={done} />
  }
  if (store === undefined) return <Starting />
  const leave = () => {
    go('/login')
    setAccount(null)
  }
  return <ChatContext value={store}><ChatPage onLogOut={leave} /></ChatContext>
}

function Starting () {
  const isOffline = !navigator.onLine
  return (
    <main className='starting' aria-label={t.app}>
      <StatusLine status={isOffline ? 'offline' : 'connecting'} />
      <div className='placeholder-glow w-100'>
        {[1, 2, 3, 4].map(n => <span key={n} className='placeholder skeleton' />)}
      </div>
    </main>
  )
}
