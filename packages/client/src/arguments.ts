/** The arguments of the client's methods. */
import type { SendFrame } from 'chat-protocol'
import { isMark } from './options.js'
import { randomUuid, UUID } from './uuid.js'

export interface SendOptions {
  /** a UUID; by default a new one */
  clientId?: string
  /** ISO 8601; by default the server's time */
  createdAt?: string
  /** the seq of the message of the same conversation that this one answers */
  replyTo?: number
}

/** Who gets a message: a user (a string is a user's id), or the members of a conversation. */
export type Recipient = string | { user: string } | { conversation: string }

/** @throws TypeError */
export function recipientOf (to: Recipient): Pick<SendFrame, 'reciver' | 'conversation'> {
  if (typeof to === 'string') return { reciver: to }
  if ('conversation' in to && typeof to.conversation === 'string') return { conversation: to.conversation }
  if ('user' in to && typeof to.user === 'string') return { reciver: to.user }
  throw new TypeError("to: a user's id, { user } or { conversation }")
}

/** @throws TypeError */
export function sendFrame (to: Recipient, message: string, options: SendOptions): SendFrame {
  const { clientId, createdAt, replyTo } = options
  if (typeof message !== 'string') throw new TypeError('message: a string')
  return {
    type: 'send',
    clientId: idFrom(clientId),
    ...recipientOf(to),
    message,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(replyTo === undefined ? {} : { replyTo })
  }
}

/** @throws TypeError */
export function idFrom (clientId = randomUuid()): string {
  if (!UUID.test(clientId)) throw new TypeError('clientId: a UUID')
  return clientId.toLowerCase()
}

/** @throws TypeError */
export function checkMark (conversation: string, seq: number): void {
  if (!isMark(conversation, seq)) throw new TypeError('conversation, seq: those of a message')
}
