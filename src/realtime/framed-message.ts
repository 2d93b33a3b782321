import type { Message } from 'chat-protocol'

/**
 * A message with the WebSocket frame that carries it. The frame is made at the first use, and sent to every
 * socket (RFC 6455: text is UTF-8).
 */
export class FramedMessage {
  readonly message: Message
  #frame: Buffer | undefined

  constructor (message: Message) { this.message = message }

  get frame (): Buffer {
    this.#frame ??= Buffer.from(`{"type":"message","message":${JSON.stringify(this.message)}}`)
    return this.#frame
  }
}
