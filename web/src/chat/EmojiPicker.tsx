import { Picker } from 'emoji-picker-element'
import { useEffect, useRef } from 'react'
import { isDark } from '../theme.js'
import { EMOJI_DATA } from './emoji-data.js'

/** All emoji, with search; by its own keyboard control. */
export default function EmojiPicker ({ onEmoji }: { onEmoji: (emoji: string) => void }) {
  const box = useRef<HTMLDivElement>(null)
  const listener = useRef(onEmoji)
  useEffect(() => {
    listener.current = onEmoji
  })
  useEffect(() => {
    const picker = new Picker({ dataSource: EMOJI_DATA, locale: 'en' })
    picker.className = isDark() ? 'dark' : 'light'
    picker.addEventListener('emoji-click', event => {
      if (event.detail.unicode !== undefined) listener.current(event.detail.unicode)
    })
    box.current!.append(picker)
    return () => picker.remove()
  }, [])
  return <div ref={box} className='picker' />
}
