/**
 * Every frame of the protocol `chat.v1`, as the server's documentation (/docs/asyncapi.json) describes them. Written out, so that this package
 * needs no other; a test of the server holds them equal to its schemas, in both directions.
 */

/** A stored message. The order of a conversation is that of `seq`, never that of a clock. */
export interface Message {
  /** 24 lower-case hex digits, as every id but the conversation's */
  _id: string
  /** `"<lower id>:<higher id>"` of the two members */
  conversation: string
  /** 1, 2, 3 … in its conversation, without a gap */
  seq: number
  /** 1 to 10,000 code points */
  message: string
  sender: string
  /** the original API's spelling */
  reciver: string
  /** ISO 8601: the sender's time if it gave one, else the server's */
  createdAt: string
  /** the UUID that its sender gave it, if it gave one */
  clientId?: string
}

/** One's state in a conversation, as `resumed` tells it. */
export interface ConversationState {
  id: string
  /** the other member; oneself in a conversation with oneself */
  user: string
  /** the number of its last message */
  lastSeq: number
  /** one's own marks: everything up to this number was read, or has arrived on one of one's devices */
  read: number
  delivered: number
}

/** Sends a message; answered by `ack` once it is stored durably, or by `error` with the clientId. */
export interface SendFrame {
  type: 'send'
  /** a UUID: sending it again stores nothing twice */
  clientId: string
  reciver: string
  message: string
  /** ISO 8601 date and time with zone */
  createdAt?: string
}

/** Restarts conversations at the given numbers: every later message follows, ascending, then one `resumed`. */
export interface ResumeFrame {
  type: 'resume'
  /** conversation -> the highest number that the client has without a gap */
  have: Record<string, number>
}

/** Everything up to `seq` has arrived here. */
export interface DeliveredFrame { type: 'delivered', conversation: string, seq: number }

/** Everything up to `seq` was read; implies delivered. */
export interface ReadFrame { type: 'read', conversation: string, seq: number }

/** Forwarded, never stored; ends by itself. */
export interface TypingFrame { type: 'typing', reciver: string, on: boolean }

/** Replaces the list of watched users (up to 200); answered by `presence` of each, now and at each change. */
export interface WatchFrame { type: 'watch', users: string[] }

/** Answered by `pong`. */
export interface PingFrame { type: 'ping' }

/** What a client may send. */
export type ClientFrame = SendFrame | ResumeFrame | DeliveredFrame | ReadFrame | TypingFrame | WatchFrame | PingFrame

/** The first frame: from here on nothing for this user is missed. */
export interface HelloFrame {
  type: 'hello'
  user: string
  /** the session's id, as /api/v1/user/sessions lists it */
  session: string
  heartbeatMs: number
  limits: {
    frameBytes: number
    /** code points of a message */
    messageChars: number
    /** frames; 0 where there is no limit */
    ratePerSecond: number
    /** conversations that one `resume` may name; older servers do not announce it */
    resumeConversations?: number
  }
  /** the server's time, ISO 8601 */
  now: string
}

/** The message is stored durably. That of a new message takes its place in the order of its conversation; that of a repeat stands outside it. */
export interface AckFrame { type: 'ack', clientId: string, message: Message }

/** The next message of a conversation. */
export interface MessageFrame { type: 'message', message: Message }

/** All that a `resume` asked for was sent. With the 50 most recent conversations. */
export interface ResumedFrame { type: 'resumed', conversations: ConversationState[] }

/** Too many are missing: live goes on after `lastSeq`, the client pages the rest over HTTP. */
export interface ResetFrame { type: 'reset', conversation: string, lastSeq: number }

/** A member's marks, now stored. */
export interface ReceiptFrame { type: 'receipt', conversation: string, user: string, delivered: number, read: number }

/** The other member types, or stopped. */
export interface TypingNotice { type: 'typing', user: string, on: boolean }

/** A watched user came or went. */
export interface PresenceFrame {
  type: 'presence'
  user: string
  online: boolean
  /** when the last device left, ISO 8601; absent if never seen or online */
  lastSeen?: string
}

/** A frame was refused; the socket lives on. */
export interface ErrorFrame {
  type: 'error'
  /** invalid, unauthorized, forbidden, not_found, conflict, rate_limited, unavailable, internal */
  code: string
  message: string
  /** the field it is about */
  path?: string
  /** of the `send` that failed */
  clientId?: string
  retryAfterMs?: number
}

/** A planned close follows; come back after `retryAfterMs`. */
export interface ByeFrame { type: 'bye', retryAfterMs: number }

/** The answer to `ping`. */
export interface PongFrame { type: 'pong' }

/** What the server may send. */
export type ServerFrame = HelloFrame | AckFrame | MessageFrame | ResumedFrame | ResetFrame | ReceiptFrame | TypingNotice |
  PresenceFrame | ErrorFrame | ByeFrame | PongFrame
