/** localStorage, where it is allowed and has room: the page works without it, until it is closed. */
export const storage = {
  get<T> (key: string): T | undefined {
    try {
      const text = localStorage.getItem(key)
      return text === null ? undefined : JSON.parse(text) as T
    } catch {
      return undefined
    }
  },

  /** @param value undefined removes it */
  set (key: string, value: unknown): void {
    try {
      if (value === undefined) localStorage.removeItem(key)
      else localStorage.setItem(key, JSON.stringify(value))
    } catch {
      // No room, or not allowed.
    }
  },

  keys (prefix: string): string[] {
    try {
      return Object.keys(localStorage).filter(key => key.startsWith(prefix))
    } catch {
      return []
    }
  }
}
