/**
 * A kept-alive HTTP connection with one request at a time. It knows only what the servers here answer, and so
 * takes less time than the servers do: undici and autocannon would share the second core with the server.
 */
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

const HEAD_END = Buffer.from('\r\n\r\n')

export interface Answer { status: number, body: Buffer }

export class HttpConnection {
  readonly #socket: Socket
  readonly #host: string
  #pieces: Buffer[] = []
  #length = 0
  /** bytes of the answer that arrives; 0 while its head is not complete */
  #expected = 0
  #bodyAt = 0
  #resolve: ((answer: Answer) => void) | undefined
  #reject: ((error: Error) => void) | undefined

  constructor (socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.on('data', chunk => this.#take(chunk))
    socket.on('error', error => this.#reject?.(error))
    socket.on('close', () => this.#reject?.(new Error('the server closed the connection')))
  }

  static async open (origin: string): Promise<HttpConnection> {
    const { hostname, port, host } = new URL(origin)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new HttpConnection(socket, host)
  }

  async request (method: string, path: string, token: string, body = ''): Promise<Answer> {
    const content = body === ''
      ? ''
      : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
    const authorization = token === '' ? '' : `Authorization: Bearer ${token}\r\n`
    const head = `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${authorization}${content}`
    this.#socket.write(`${head}\r\n${body}`)
    return await new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  close (): void { this.#socket.destroy() }

  #take (chunk: Buffer): void {
    this.#pieces.push(chunk)
    this.#length += chunk.length
    if (this.#expected === 0) this.#readHead()
    if (this.#expected === 0 || this.#length < this.#expected) return
    const whole = this.#whole()
    const answer = { status: Number(whole.toString('latin1', 9, 12)), body: whole.subarray(this.#bodyAt) }
    this.#pieces = []
    this.#length = 0
    this.#expected = 0
    this.#resolve!(answer)
  }

  #readHead (): void {
    const whole = this.#whole()
    const end = whole.indexOf(HEAD_END)
    if (end === -1) return
    const length = /content-length: (\d+)/i.exec(whole.toString('latin1', 0, end))?.[1]
    if (length === undefined) throw new Error('an answer has no Content-Length')
    this.#bodyAt = end + HEAD_END.length
    this.#expected = this.#bodyAt + Number(length)
  }

  #whole (): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)]
    return this.#pieces[0]!
  }
}
