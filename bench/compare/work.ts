/** The work whose speed is compared: each piece is done at a fixed concurrency, a fixed number of times. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Account } from '../../test/long/accounts.js'
import type { Caller } from '../../test/long/caller.js'
import { processStats } from '../../test/long/process-stats.js'

export interface Work {
  name: string
  /** done so often in a round, so many at a time */
  count: number
  atOnce: number
  once (): Promise<void>
}

const TEXT = 'Does this arrive as fast as it did before?'

/** A socket whose sends are awaited one by one. */
export class Sender {
  readonly #ws: WebSocket
  readonly #waiting = new Map<string, () => void>()

  constructor (ws: WebSocket) {
    this.#ws = ws
    ws.on('message', (data: Buffer) => {
      const text = data.toString()
      if (!text.startsWith('{"type":"ack"') && !text.startsWith('{"type":"error"')) return
      const { type, clientId } = JSON.parse(text)
      if (type === 'error') throw new Error(text)
      this.#waiting.get(clientId)?.()
      this.#waiting.delete(clientId)
    })
  }

  static async open (origin: string, { token }: Account): Promise<Sender> {
    const headers = { authorization: `Bearer ${token}` }
    const ws = new WebSocket(`${origin.replace('http', 'ws')}/ws`, { headers })
    const sender = new Sender(ws)
    await once(ws, 'open')
    return sender
  }

  async send (reciver: string): Promise<void> {
    const clientId = randomUUID()
    const acked = new Promise<void>(resolve => this.#waiting.set(clientId, resolve))
    this.#ws.send(JSON.stringify({ type: 'send', clientId, reciver, message: TEXT }))
    await acked
  }

  close (): void { this.#ws.terminate() }
}

/** All that is compared, for one server: `history` has a conversation of 1,000 messages with `anna`. */
export function workOf (caller: Caller, sender: Sender, anna: Account, ben: string, history: string): Work[] {
  const { id, token } = anna
  const call = async (method: string, path: string, body?: object): Promise<void> => {
    const { status, text } = await caller.call(method, path, { token, ...body === undefined ? {} : { body } })
    if (status >= 300) throw new Error(`${path}: ${status} ${text}`)
  }
  const addmsg = async () => {
    await call('POST', '/api/v1/addmsg', { sender: id, reciver: ben, message: TEXT, clientId: randomUUID() })
  }
  const send = async () => await sender.send(ben)
  const read = async (query: string) => await call('GET', path + query)
  const path = `/api/v1/getallmessages?sender=${id}&reciver=${history}`
  return [
    { name: 'addmsg, one at a time', count: 50, atOnce: 1, once: addmsg },
    { name: 'addmsg, 32 at a time', count: 500, atOnce: 32, once: addmsg },
    { name: 'socket send, one at a time', count: 50, atOnce: 1, once: send },
    { name: 'socket send, 32 at a time', count: 750, atOnce: 32, once: send },
    { name: 'history, 1,000 messages', count: 30, atOnce: 4, once: async () => { await read('') } },
    { name: 'history, last 50', count: 200, atOnce: 4, once: async () => { await read('&limit=50') } }
  ]
}

export interface Speed {
  perSecond: number
  /** of the server, milliseconds for each: a busy machine changes this least */
  cpuMs: number
}

/** Does a piece of work on the server with this process number. */
export async function speedOf ({ count, atOnce, once }: Work, pid: number): Promise<Speed> {
  const cpu = processStats(pid)!.cpu
  const since = performance.now()
  let begun = 0
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (begun < count) {
      begun++
      await once()
    }
  }))
  const seconds = (performance.now() - since) / 1000
  return { perSecond: count / seconds, cpuMs: (processStats(pid)!.cpu - cpu) * 1000 / count }
}
