/** A socket of an attacker: it counts the frames that come without parsing them. */
import { WebSocket } from 'ws'
import type { Account } from '../accounts.js'
import type { Tally } from './tally.js'

/** The beginning of a frame tells its type, and an error's code. */
const HEAD_BYTES = 200
const HEAD = /^\{"type":"(\w+)"(?:,"code":"(\w+)")?/
const RETRY_AFTER = /"retryAfterMs":(\d+)/
/** The server's ping interval is 25 s: a handshake that takes longer is lost. */
const OPEN_MS = 20_000

export class HostileSocket {
  readonly #ws: WebSocket
  readonly #refusal: Promise<string | undefined>
  /** when the server lets the next frame pass, as its errors say; ms of performance.now() */
  #waitUntil = 0
  /** errors `invalid` so far */
  invalid = 0

  constructor (origin: string, { token, address }: Pick<Account, 'token' | 'address'>, tally: Tally) {
    const ws = new WebSocket(`${origin.replace('http', 'ws')}/ws`, {
      headers: { authorization: `Bearer ${token}` },
      localAddress: address,
      handshakeTimeout: OPEN_MS,
      perMessageDeflate: false
    })
    this.#ws = ws
    this.#refusal = new Promise(resolve => {
      ws.on('open', () => {
        resolve(undefined)
      })
      ws.on('unexpected-response', (request, response) => {
        resolve(`upgrade ${response.statusCode}`)
        request.destroy()
      })
      ws.on('error', error => {
        resolve((error as NodeJS.ErrnoException).code ?? 'upgrade failed')
      })
    })
    ws.on('message', (data: Buffer) => {
      this.#count(data.toString('latin1', 0, HEAD_BYTES), tally)
    })
    ws.on('close', code => {
      tally.outcome(`closed ${code}`)
    })
  }

  /** @returns undefined once it is open, or why it is not */
  async opened (): Promise<string | undefined> {
    return await this.#refusal
  }

  get isOpen (): boolean {
    return this.#ws.readyState === WebSocket.OPEN
  }

  /** Milliseconds after which a frame is within the limit again. */
  get wait (): number {
    return Math.max(0, this.#waitUntil - performance.now())
  }

  send (frame: string): void {
    if (this.isOpen) this.#ws.send(frame)
  }

  /** Never reads again. */
  stopReading (): void {
    this.#ws.pause()
  }

  /** An unsolicited pong. */
  pong (): void {
    if (this.isOpen) this.#ws.pong()
  }

  terminate (): void {
    this.#ws.terminate()
  }

  #count (head: string, tally: Tally): void {
    const [, type = 'unknown', code] = HEAD.exec(head) ?? []
    tally.outcome(code === undefined ? type : `error ${code}`)
    if (code === 'invalid') this.invalid++
    if (code !== 'rate_limited') return
    const ms = Number(RETRY_AFTER.exec(head)?.[1] ?? 0)
    this.#waitUntil = performance.now() + ms
  }
}
