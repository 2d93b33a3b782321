import { storage } from './store/storage.js'

const KEY = 'theme'
const system = matchMedia('(prefers-color-scheme: dark)')

/** Whether the page is dark: as chosen, else as the system. */
export function isDark (): boolean {
  return (storage.get<string>(KEY) ?? (system.matches ? 'dark' : 'light')) === 'dark'
}

function show (): void {
  document.documentElement.dataset.bsTheme = isDark() ? 'dark' : 'light'
}

export function chooseDark (dark: boolean): void {
  storage.set(KEY, dark ? 'dark' : 'light')
  show()
}

/** Shows the theme, and follows the system and the other tabs. */
export function followTheme (): void {
  show()
  system.addEventListener('change', show)
  window.addEventListener('storage', show)
}
