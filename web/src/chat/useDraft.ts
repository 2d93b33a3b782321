import { useEffect, useState } from 'react'
import { storage } from '../store/storage.js'

/** The text that is not sent yet, kept for each conversation over reloads. */
export function useDraft (user: string, conversation: string) {
  const key = `draft:${user}:${conversation}`
  const [text, setText] = useState(() => storage.get<string>(key) ?? '')
  const [isDraft, setDraft] = useState(true)
  useEffect(() => {
    if (isDraft) storage.set(key, text === '' ? undefined : text)
  }, [text, isDraft, key])
  /** Shows the text of another message; the draft stays stored. */
  const borrow = (other: string) => {
    setDraft(false)
    setText(other)
  }
  const restore = () => {
    setText(storage.get<string>(key) ?? '')
    setDraft(true)
  }
  const clear = () => {
    storage.set(key, undefined)
    setText('')
    setDraft(true)
  }
  return { text, setText, borrow, restore, clear }
}
