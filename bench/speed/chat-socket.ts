/** One device's socket: native WebSocket for `server` and `floor`, Socket.IO's packets for `classic`. */
import { randomUUID } from 'node:crypto'
import { WebSocket } from 'ws'

export interface User { id: string, username: string, token: string }

/** Called with the text of each message that is pushed, and the time in milliseconds. */
export type OnPush = (frame: string) => unknown

export abstract class ChatSocket {
  readonly ws: WebSocket
  readonly user: User
  onPush: OnPush = () => {}
  /** what waits for an answer, by its id */
  readonly #waiting = new Map<string, Waiting>()

  constructor (ws: WebSocket, user: User) {
    this.ws = ws
    this.user = user
    ws.on('close', () => this.#fail(new Error('the server closed a socket')))
    ws.on('error', error => this.#fail(error))
  }

  abstract send (reciver: string, message: string): Promise<void>

  /** Asks for what was missed in the conversation with somebody; resolves when all of it has arrived. */
  abstract resume (other: User, missed: number): Promise<void>

  close (): void { this.ws.terminate() }

  /** Sends a frame and waits for the answer with this id. */
  async answered (id: string, frame: string): Promise<void> {
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.ws.send(frame)
    })
  }

  /** Passes an answer to who waits for it. */
  settle (id: string, error?: Error): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve()
    else waiting?.reject(error)
  }

  #fail (error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

interface Waiting { resolve: () => void, reject: (error: Error) => void }

/** What follows `"clientId":"` in an ack: the ids are UUIDs. */
const CLIENT_ID = '"clientId":"'
const UUID_LENGTH = 36

/** A socket of chat.v1. */
class NativeSocket extends ChatSocket {
  static async open (origin: string, user: User): Promise<ChatSocket> {
    const headers = { authorization: `Bearer ${user.token}` }
    const url = `${origin.replace('http', 'ws')}/ws`
    const ws = new WebSocket(url, { headers, perMessageDeflate: false, skipUTF8Validation: true })
    const socket = new NativeSocket(ws, user)
    await new Promise<void>((resolve, reject) => {
      ws.once('error', reject)
      ws.on('message', (data: Buffer) => socket.#read(data.toString(), resolve))
    })
    return socket
  }

  async send (reciver: string, message: string): Promise<void> {
    const clientId = randomUUID()
    await this.answered(clientId, JSON.stringify({ type: 'send', clientId, reciver, message }))
  }

  async resume (other: User, missed: number): Promise<void> {
    const [low, high] = [this.user.id, other.id].sort()
    let got = 0
    const arrives = this.onPush
    this.onPush = frame => {
      got++
      arrives(frame)
    }
    await this.answered('resumed', JSON.stringify({ type: 'resume', have: { [`${low}:${high}`]: 0 } }))
    this.onPush = arrives
    if (got !== missed) throw new Error(`${got} of ${missed} messages were resumed`)
  }

  #read (frame: string, opened: () => void): void {
    if (frame.startsWith('{"type":"message"')) {
      this.onPush(frame)
    } else if (frame.startsWith('{"type":"ack"') || frame.startsWith('{"type":"error"')) {
      const from = frame.indexOf(CLIENT_ID) + CLIENT_ID.length
      const error = frame.startsWith('{"type":"error"') ? new Error(frame) : undefined
      this.settle(frame.slice(from, from + UUID_LENGTH), error)
    } else if (frame.startsWith('{"type":"resumed"')) {
      this.settle('resumed')
    } else if (frame.startsWith('{"type":"hello"')) {
      opened()
    }
  }
}

/** A socket of Socket.IO 4: Engine.IO 4 packets in a WebSocket (socket.io-protocol 5). */
class SocketIoSocket extends ChatSocket {
  #nextId = 0

  static async open (origin: string, user: User): Promise<ChatSocket> {
    const url = `${origin.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`
    const ws = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true })
    const socket = new SocketIoSocket(ws, user)
    await new Promise<void>((resolve, reject) => {
      ws.once('error', reject)
      ws.on('message', (data: Buffer) => socket.#read(data.toString(), resolve))
    })
    await socket.#emit('add-user', user.id)
    return socket
  }

  async send (reciver: string, message: string): Promise<void> {
    await this.#emit('send-msg', { sender: this.user.id, reciver, message })
  }

  async resume (): Promise<void> {
    throw new Error('Socket.IO sends nothing again')
  }

  async #emit (event: string, data: unknown): Promise<void> {
    const id = String(this.#nextId++)
    await this.answered(id, `42${id}${JSON.stringify([event, data])}`)
  }

  #read (packet: string, opened: () => void): void {
    if (packet.startsWith('42')) this.onPush(packet)
    else if (packet.startsWith('43')) this.#acknowledge(packet)
    else if (packet.startsWith('40')) opened()
    else if (packet.startsWith('0')) this.ws.send('40')
    else if (packet === '2') this.ws.send('3')
  }

  #acknowledge (packet: string): void {
    const from = packet.indexOf('[')
    const error = packet.includes('"error"') ? new Error(packet) : undefined
    this.settle(packet.slice(2, from), error)
  }
}

/** Opens a device's socket and waits until messages would reach it. */
export async function openSocket (isClassic: boolean, origin: string, user: User): Promise<ChatSocket> {
  return await (isClassic ? SocketIoSocket : NativeSocket).open(origin, user)
}
