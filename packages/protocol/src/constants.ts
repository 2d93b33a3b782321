/**
 * What both sides of chat.v1 have to agree on besides the frames. This file imports nothing: browsers load
 * it.
 */

/** The subprotocol of the WebSocket handshake (RFC 6455, 1.9). */
export const SUBPROTOCOL = 'chat.v1'

/**
 * The beginning of the second subprotocol, which carries the session's token: the one header of a handshake
 * that a browser's script can set (RFC 6455, 4.1).
 */
export const BEARER_PREFIX = 'bearer.'

/**
 * WebSocket closing codes of our own (RFC 6455, 7.4.2: 4000-4999 are for private use), and those of the
 * standard that the server uses.
 */
export const CLOSE = {
  /** RFC 6455: text only */
  unsupportedData: 1003,
  /** the server restarts (IANA registry of close codes) */
  serviceRestart: 1012,
  malformed: 4400,
  sessionEnded: 4401,
  slowReader: 4408,
  tooManySockets: 4409,
  rateLimited: 4429
} as const

/** Closing codes after which a client does not reconnect automatically. */
export const FINAL_CLOSE_CODES: readonly number[] = [
  CLOSE.malformed, CLOSE.sessionEnded, CLOSE.tooManySockets
]

/** The codes of `error` frames. */
export const ERROR_CODES = [
  'invalid',
  'unauthorized',
  'forbidden',
  'not_found',
  'timeout',
  'conflict',
  'too_large',
  'rate_limited',
  'internal',
  'unavailable'
] as const
/** A code of an `error` frame. */
export type ErrorFrameCode = typeof ERROR_CODES[number]

/** Code points of a message. 10,000 are about four pages: enough for a chat, and 40 KB at most in UTF-8. */
export const MESSAGE_CHARS = 10_000

/** Users that one socket may watch: a screen of contacts; each costs a look-up and a line in a map. */
export const MAX_WATCHED = 200

/** Ids of users and messages are 24 lower-case hex digits. */
export const OBJECT_ID_PATTERN = '^[0-9a-f]{24}$'

/**
 * A direct conversation: `"<lower id>:<higher id>"` of the two members; twice the same id for a conversation
 * with oneself. A group: 24 hex digits.
 */
export const CONVERSATION_ID_PATTERN = '^[0-9a-f]{24}(:[0-9a-f]{24})?$'

/** Code points of a group's name: one line of a list. */
export const GROUP_NAME_CHARS = 100

/** Different emoji on one message: what a client can show below it. */
export const REACTION_EMOJI = 20

/** Reactions on one message in all, which bounds the size of its document and of its JSON. */
export const REACTIONS = 1_000

/** In groups with more members, typing notices and receipts are not sent: each would go to all members. */
export const RECEIPT_MEMBERS = 50
