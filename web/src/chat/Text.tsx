import { LinkifyIt } from 'linkify-it'
import type { ReactNode } from 'react'

// Only addresses that a person would open: no javascript:, data: or file:.
const linkify = new LinkifyIt({ fuzzyLink: true, fuzzyEmail: false })
const SAFE = /^https?:\/\//i
const ONE_EMOJI = /^\p{RGI_Emoji}$/v

/** Whether a text is a single emoji, which is shown large. */
export const isOneEmoji = (text: string): boolean => ONE_EMOJI.test(text.trim())

/** The text of a message, with its links. */
export function Text ({ text }: { text: string }) {
  const parts: ReactNode[] = []
  let end = 0
  for (const { index, lastIndex, url, text: shown } of linkify.match(text) ?? []) {
    if (!SAFE.test(url)) continue
    parts.push(text.slice(end, index))
    parts.push(<a key={index} href={url} target='_blank' rel='noopener noreferrer'>{shown}</a>)
    end = lastIndex
  }
  parts.push(text.slice(end))
  return <div className='text' dir='auto'>{parts}</div>
}
