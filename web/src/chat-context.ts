import { createContext, use, useSyncExternalStore } from 'react'
import type { ChatStore } from './store/chat-store.js'

export const ChatContext = createContext<ChatStore | undefined>(undefined)

/** The store; the component is rendered again when it changes. */
export function useChat (): ChatStore {
  const store = use(ChatContext)
  if (store === undefined) throw new Error('useChat is called outside of the chat')
  useSyncExternalStore(store.subscribe, store.version)
  return store
}
