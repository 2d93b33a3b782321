import { useEffect, useState } from 'react'
import { complete, shortcodes } from './emoji-data.js'

type Choice = [code: string, emoji: string]

/** Completes `:smi` to 😄, and replaces `:smile:`. */
export function useCompletion (text: string, setText: (text: string) => void) {
  const [choices, setChoices] = useState<Choice[]>([])
  const [at, setAt] = useState(0)
  const whole = /:([a-z0-9_+-]{2,}):$/.exec(text)?.[1]
  const begun = /(?:^|\s):([a-z0-9_+-]{2,})$/.exec(text)?.[1]
  useEffect(() => {
    let isOver = false
    setAt(0)
    if (whole !== undefined) {
      void shortcodes().then(all => {
        const emoji = all.get(whole)
        if (!isOver && emoji !== undefined) setText(text.slice(0, -whole.length - 2) + emoji)
      })
    }
    if (begun === undefined) setChoices([])
    else void complete(begun).then(found => !isOver && setChoices(found))
    return () => {
      isOver = true
    }
    // setText is the same in effect at each render.
  }, [text])

  const choose = (index = at) => {
    const emoji = choices[index]?.[1]
    if (emoji !== undefined && begun !== undefined) setText(`${text.slice(0, -begun.length - 1)}${emoji} `)
    setChoices([])
  }
  const move = (step: number) => setAt((at + step + choices.length) % choices.length)
  return { choices, at, choose, move, close: () => setChoices([]) }
}
