import dataUrl from 'emoji-picker-element-data/en/emojibase/data.json?url'

/** Where the emoji and their names are: on this server. */
export const EMOJI_DATA = dataUrl

export interface Emoji { emoji: string, shortcodes?: string[] }

const SHOWN = 6
let loading: Promise<Map<string, string>> | undefined
let loaded: Map<string, string> | undefined

/** Shortcode -> emoji; fetched when it is needed first. */
export async function shortcodes (): Promise<Map<string, string>> {
  loading ??= fetch(dataUrl).then(async response => {
    const all = await response.json() as Emoji[]
    return new Map(all.flatMap(({ emoji, shortcodes = [] }) =>
      shortcodes.map(code => [code, emoji] as const)))
  })
  try {
    loaded = await loading
    return loaded
  } catch {
    loading = undefined
    return new Map()
  }
}

/** The emoji whose codes begin with these letters, the shortest code first. */
export async function complete (letters: string): Promise<[code: string, emoji: string][]> {
  const all = [...await shortcodes()].filter(([code]) => code.startsWith(letters))
  return all.sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1)).slice(0, SHOWN)
}

/**
 * The text with its codes as emoji. Codes stay as they are while the data is not loaded: no message waits for
 * the data.
 */
export function withEmoji (text: string): string {
  return text.replaceAll(/:([a-z0-9_+-]{2,}):/g, (whole, code: string) => loaded?.get(code) ?? whole)
}
