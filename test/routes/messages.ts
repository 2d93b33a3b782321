import type { App } from '../../src/app.js'
import type { Person } from '../helper.js'

/** ZWJ sequences, flags, skin tones, keycaps, combining marks, right-to-left, beyond the BMP. */
export const EMOJI = '👨‍👩‍👧‍👦 🇧🇩 👋🏽 1️⃣ é שלום 𝒳 🏳️‍🌈'

export function addmsg (app: App, from: Person, to: { id: string }, message: unknown, more: object = {}) {
  return app.inject({
    method: 'POST',
    url: '/api/v1/addmsg',
    headers: from.headers,
    payload: { message, sender: from.id, reciver: to.id, ...more }
  })
}

export function getallmessages (
  app: App,
  me: Person,
  other: { id: string },
  query: Record<string, string> = {}
) {
  return app.inject({
    method: 'GET',
    url: '/api/v1/getallmessages',
    headers: me.headers,
    query: { sender: me.id, reciver: other.id, ...query }
  })
}
