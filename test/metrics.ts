/** What GET /metrics tells of a server process. */
import { setTimeout as delay } from 'node:timers/promises'

/** The gauges of what a process holds for its sockets and writes: all are 0 when everybody has left. */
const HELD = [
  'sockets', 'users_online', 'cursors', 'awaited_acks', 'socket_queued_bytes',
  'users_watched', 'users_leaving', 'users_typing', 'messages_pending', 'summaries_pending'
]
const POLL_MS = 50

/** Every series by its name with its labels, such as `nodejs_active_resources{type="Timeout"}`. */
export async function metrics (origin: string): Promise<Map<string, number>> {
  const response = await fetch(`${origin}/metrics`)
  if (!response.ok) throw new Error(`metrics: ${response.status}`)
  const text = await response.text()
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(lines.map(line => {
    const space = line.lastIndexOf(' ')
    return [line.slice(0, space), Number(line.slice(space + 1))]
  }))
}

/** Timers of the server process that are set now. */
export async function timers (origin: string): Promise<number> {
  return (await metrics(origin)).get('nodejs_active_resources{type="Timeout"}') ?? 0
}

/**
 * Waits until a process holds nothing for anybody.
 * @returns what it still holds after that time, by gauge; empty where it holds nothing
 */
export async function heldAfter (origin: string, ms: number): Promise<Record<string, number>> {
  const end = Date.now() + ms
  for (;;) {
    const all = await metrics(origin)
    const counts = HELD.map(name => [name, all.get(`chat_${name}`) ?? NaN] as const)
    const held = Object.fromEntries(counts.filter(([, count]) => count !== 0))
    if (Object.keys(held).length === 0 || Date.now() > end) return held
    // The process tells of no change, and HTTP_RATE counts these requests.
    await delay(POLL_MS)
  }
}
