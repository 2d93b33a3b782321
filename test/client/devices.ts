import { randomUUID } from 'node:crypto'
import type { Socket as TcpSocket } from 'node:net'
import { type Test } from 'tap'
import { WebSocket } from 'ws'
import { ChatClient, type ChatClientOptions, type Events, type Message } from 'chat-app-client'
import { type App } from '../../src/app.js'
import { type Person } from '../helper.js'

const BACKOFF = { baseMs: 20, ceilingMs: 200 }

/** A class of sockets that can be broken from here. */
export function breakable () {
  const open = new Set<WebSocket>()
  class Breakable extends WebSocket {
    constructor (url: string, protocols: string[]) {
      super(url, protocols)
      open.add(this)
      this.on('close', () => {
        open.delete(this)
      })
    }
  }
  /** TCP reset (RFC 9293, 3.5.2): no close frame, and what is under way is gone. */
  function reset (socket: WebSocket): void {
    const tcp = (socket as unknown as { _socket: TcpSocket | null })._socket
    if (tcp === null) socket.terminate()
    else tcp.resetAndDestroy()
  }
  return { Breakable, open, reset }
}

export interface Device {
  client: ChatClient
  log: Message[]
  states: string[]
  person: Person
}

export function device (
  t: Test,
  origin: string,
  person: Person,
  options: Partial<ChatClientOptions> = {}
): Device {
  const client = new ChatClient({ url: origin, token: person.token, WebSocket, backoff: BACKOFF, ...options })
  t.teardown(() => client.close())
  const log: Message[] = []
  const states: string[] = []
  client.on('message', message => {
    log.push(message)
  })
  client.on('state', ({ state, code }) => {
    states.push(code === undefined ? state : `${state} ${code}`)
  })
  return { client, log, states, person }
}

/** Resolves when the event's value fulfils the condition. */
export function until<K extends Exclude<keyof Events, 'error'>> (
  client: ChatClient,
  type: K,
  condition: (value: Parameters<Parameters<typeof client.on<K>>[1]>[0]) => boolean = () => true
): Promise<void> {
  return new Promise(resolve => {
    const off = client.on(type, value => {
      if (!condition(value)) return
      off()
      resolve()
    })
  })
}

export async function online (...devices: Device[]): Promise<void> {
  await Promise.all(
    devices.map(async ({ client }) => {
      const synced = until(client, 'synced')
      client.connect()
      await synced
    })
  )
}

/** Resolves when the device has the whole conversation. */
export async function has ({ client }: Device, conversation: string, seq: number): Promise<void> {
  if ((client.have[conversation] ?? 0) < seq) {
    await until(client, 'message', message => message.conversation === conversation && message.seq >= seq)
  }
}

/** A whole conversation, as the database has it. */
export async function stored (app: App, a: Person, b: Person): Promise<Message[]> {
  const all: Message[] = []
  for (;;) {
    const url = `/api/v1/getallmessages?sender=${a.id}&reciver=${b.id}&after=${all.length}&limit=1000`
    const { data, hasMore } = (await app.inject({ url, headers: a.headers })).json()
    all.push(...data)
    if (!hasMore) return all
  }
}

export const say = (app: App, from: Person, to: Person, message: string) =>
  app.inject({
    method: 'POST',
    url: '/api/v1/addmsg',
    headers: from.headers,
    payload: { sender: from.id, reciver: to.id, message, clientId: randomUUID() }
  })
