/** The schemas of the values that frames and requests are made of. */
import { Type, type SchemaOptions, type Static, type TSchema } from '@sinclair/typebox'
import { CONVERSATION_ID_PATTERN, GROUP_NAME_CHARS, OBJECT_ID_PATTERN } from './constants.js'

export const ObjectIdString = Type.String({
  pattern: OBJECT_ID_PATTERN,
  examples: ['64b7f0c2a1b2c3d4e5f60718']
})
/** The same, for fields whose example has to name another user. */
export const OtherIdString = Type.String({
  pattern: OBJECT_ID_PATTERN,
  examples: ['64b7f0c2a1b2c3d4e5f60719']
})

/** The id of a conversation. */
export const ConversationId = Type.String({
  pattern: CONVERSATION_ID_PATTERN,
  description: 'direct: "<lower id>:<higher id>" of the two members; group: 24 hex digits',
  examples: ['64b7f0c2a1b2c3d4e5f60718:64b7f0c2a1b2c3d4e5f60719']
})

/** The id of a group, where a direct conversation is not allowed. */
export const GroupId = Type.String({
  pattern: OBJECT_ID_PATTERN,
  description: 'of a group',
  examples: ['64b7f0c2a1b2c3d4e5f6071a']
})

/** The largest number of a message: they stay exact in a JSON number (RFC 8259, 6). */
export const Seq = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, examples: [3] })

/** The number of an entry: every change of a conversation has one, without a gap; messages have a seq too. */
export const Rev = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, examples: [5] })

/** The role of a member of a group. */
export const Role = Type.Union([Type.Literal('owner'), Type.Literal('admin'), Type.Literal('member')], {
  examples: ['member']
})
export type Role = Static<typeof Role>

/** A schema with other annotations, such as a description of its own. */
export function annotated<T extends TSchema> (schema: T, options: SchemaOptions): T {
  return { ...schema, ...options }
}

export interface TextOptions {
  minLength?: number
  maxLength: number
  pattern?: string
  description?: string
  examples?: string[]
}

/**
 * A string without lone surrogates, which are not Unicode text (RFC 8259, 8.2). The validator has to know the
 * format `text`.
 */
export function Text (options: TextOptions) {
  return Type.String({ ...options, format: 'text' })
}

/**
 * RFC 3339 date-time (a profile of ISO 8601), or `''`, which counts as absent: the original's sample sends
 * it.
 */
export const ClientTime = Type.String({
  format: 'client-time',
  maxLength: 40,
  description: 'ISO 8601 date and time with zone; "" counts as absent',
  examples: ['2024-01-31T12:00:00.000Z']
})

export const ClientId = Type.String({
  format: 'uuid',
  maxLength: 36,
  description: 'UUID of this message, made by the client: sending it again stores nothing twice',
  examples: ['7f6c1f0e-5f0a-4d3c-9a5e-0c1d2e3f4a5b']
})

/** The server's time of something, in ISO 8601. */
export const Moment = Type.String({ format: 'date-time', examples: ['2024-01-31T12:00:00.000Z'] })

export const GroupName = Text({
  minLength: 1,
  maxLength: GROUP_NAME_CHARS,
  pattern: '\\S',
  description: '1 to 100 code points, not only white space',
  examples: ['Climbing on Sunday 🧗']
})

/**
 * One fully qualified emoji that is recommended for general interchange (RGI, UTS 51); the longest have ten
 * code points. The validator has to know the format `emoji`.
 */
export const Emoji = Type.String({
  format: 'emoji',
  minLength: 1,
  maxLength: 16,
  description: 'one fully qualified RGI emoji (UTS 51)',
  examples: ['👍']
})
