/** The address bar as state: plugins/web.ts answers each of these paths with the page. */
import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
const notify = () => {
  for (const listener of listeners) listener()
}
window.addEventListener('popstate', notify)

/** Goes to a path of this page. */
export function go (path: string, replace = false): void {
  if (path === location.pathname) return
  if (replace) history.replaceState(null, '', path)
  else history.pushState(null, '', path)
  notify()
}

export function usePath (): string {
  return useSyncExternalStore(listener => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, () => location.pathname)
}

/** The conversation of a path, if it names one. */
export function conversationOfPath (path: string): string | undefined {
  return /^\/c\/([0-9a-f]{24}(?::[0-9a-f]{24})?)$/.exec(decodeURIComponent(path))?.[1]
}

export const pathOf = (conversation: string): string => `/c/${conversation}`
