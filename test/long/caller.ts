/** HTTP requests from an address of one's own, cheap for the process that makes them. */
import { Agent, request, type IncomingMessage } from 'node:http'

export interface CallOptions {
  token?: string
  body?: object
  /** the whole answer, not only its end */
  whole?: boolean
  signal?: AbortSignal
}

export interface Answer {
  status: number
  /** of Retry-After; 0 where there is none */
  retryAfterMs: number
  /** the answer's text, or its last bytes */
  text: string
}

/** After that a request counts as lost. */
export const LOST_MS = 30_000
/** What is kept of an answer: enough for `next`, `hasMore` and errors. */
const TAIL_BYTES = 512

/** A client at one loopback address: the server's limits by address count it for itself. */
export class Caller {
  readonly #agent = new Agent({ keepAlive: true })

  constructor (
    readonly origin: string,
    readonly address: string,
    readonly lostMs = LOST_MS
  ) {}

  /** @throws where the connection fails or no answer comes in time */
  async call (method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { token, body, whole = false, signal } = options
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(payload && { 'content-type': 'application/json', 'content-length': payload.length })
    }
    const connection = { agent: this.#agent, localAddress: this.address, ...(signal && { signal }) }
    return await new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        outgoing.destroy(new Error('no answer in time'))
      }, this.lostMs)
      const outgoing = request(new URL(path, this.origin), { method, headers, ...connection }, response => {
        resolve(answerOf(response, whole))
      })
      outgoing.on('error', reject)
      outgoing.on('close', () => {
        clearTimeout(limit)
      })
      outgoing.end(payload)
    })
  }

  close (): void {
    this.#agent.destroy()
  }
}

/** @param whole keep all of the text, not its end alone */
async function answerOf (response: IncomingMessage, whole: boolean): Promise<Answer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) {
    if (!whole && chunks.length > 1) chunks.shift()
    chunks.push(chunk)
  }
  const bytes = Buffer.concat(chunks)
  return {
    status: response.statusCode!,
    retryAfterMs: Number(response.headers['retry-after'] ?? 0) * 1000,
    text: (whole ? bytes : bytes.subarray(-TAIL_BYTES)).toString()
  }
}
