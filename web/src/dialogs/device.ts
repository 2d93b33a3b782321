import { t } from '../texts.js'

/** What a User-Agent contains, and what people call it. The first that fits counts: most name several. */
const BROWSERS = [
  ['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']
] as const
const SYSTEMS = [
  ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Android', 'Android'], ['Windows', 'Windows'], ['Mac OS', 'macOS'],
  ['CrOS', 'ChromeOS'], ['Linux', 'Linux']
] as const

/** The browser and system of a User-Agent in words; of other programs, what they say of themselves. */
export function deviceOf (userAgent: string): string {
  const browser = BROWSERS.find(([mark]) => userAgent.includes(mark))?.[1]
  const system = SYSTEMS.find(([mark]) => userAgent.includes(mark))?.[1]
  if (browser !== undefined && system !== undefined) return t.device(browser, system)
  return userAgent || t.unknownDevice
}
