import { Type, type Static } from '@sinclair/typebox'
import { ObjectIdString, Text } from 'chat-protocol/schemas'
import { MAX_OFFERED } from '../avatars/avatars.js'
import { MAX_AVATAR_BASE64 } from '../avatars/svg.js'
import { PageLimit } from '../lists.js'
import { MAX_EMAIL, MAX_USERNAME, MIN_USERNAME } from './names.js'

export const User = Type.Object({
  _id: ObjectIdString,
  username: Type.String({ examples: ['Müller'] }),
  email: Type.Optional(Type.String({
    description: "only in the caller's own account",
    examples: ['mueller@example.org']
  })),
  password: Type.Optional(Type.Literal('', { description: 'always empty: a hash never leaves the process' })),
  avatarImage: Type.Optional(Type.String({
    description: 'base64 of an SVG; "" without an avatar',
    examples: ['']
  })),
  isAvatarImageSet: Type.Optional(Type.Boolean({ examples: [false] })),
  deleted: Type.Optional(Type.Literal(true, { description: 'the account was deleted' }))
}, { $id: 'User', title: 'User' })
export type User = Static<typeof User>

/**
 * NIST SP 800-63B, 3.1.1.2 requires at least 8 characters. 128 bounds the work and leaves room for
 * passphrases (OWASP: at least 64).
 */
const NewPassword = Text({ minLength: 8, maxLength: 128, examples: ['12345678'] })
/**
 * The present password, at login and elsewhere. Only its length is bounded, so that the rules for new ones
 * can change.
 */
const GivenPassword = Text({ minLength: 1, maxLength: 1024, examples: ['12345678'] })

/** The content is checked by src/avatars/svg.ts. */
const AvatarImage = Text({
  maxLength: MAX_AVATAR_BASE64,
  description: 'base64 of a harmless SVG of up to 32 KiB; "" for no avatar',
  examples: ['']
})

const EXAMPLE_SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">' +
  '<circle cx="4" cy="4" r="4" fill="gold"/></svg>'

export const RegisterBody = Type.Object({
  username: Text({ minLength: MIN_USERNAME, maxLength: MAX_USERNAME, examples: ['Müller'] }),
  email: Text({ minLength: 3, maxLength: MAX_EMAIL, examples: ['mueller@example.org'] }),
  password: NewPassword,
  avatarImage: Type.Optional(AvatarImage),
  isAvatarImageSet: Type.Optional(Type.Boolean({
    description: 'ignored: the server computes it',
    examples: [false]
  }))
})
export type RegisterBody = Static<typeof RegisterBody>

const Token = Type.String({ description: 'send it as `Authorization: Bearer …`, or keep the cookie' })

export const RegisterReply = Type.Object({
  status: Type.Literal('success'),
  message: Type.Literal('Data Inserted'),
  data: Type.Ref('User'),
  token: Token
})

export const LoginBody = Type.Object({
  username: Text({ minLength: 1, maxLength: 256, examples: ['Müller'] }),
  password: GivenPassword
})
export type LoginBody = Static<typeof LoginBody>

export const LoginReply = Type.Object({
  status: Type.Literal('success'),
  message: Type.Literal('Data Retrived'),
  data: Type.Ref('User'),
  token: Token
})

export const IdParams = Type.Object({ id: ObjectIdString })
export type IdParams = Static<typeof IdParams>

export const SetAvatarBody = Type.Object({
  _id: ObjectIdString,
  avatarImage: Text({
    minLength: 1,
    maxLength: MAX_AVATAR_BASE64,
    description: 'base64 of a harmless SVG of up to 32 KiB; /api/v1/avatars offers some',
    examples: [Buffer.from(EXAMPLE_SVG).toString('base64')]
  })
})
export type SetAvatarBody = Static<typeof SetAvatarBody>

export const SetAvatarReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Avatar Image set successfully'),
  data: Type.Ref('User')
})

export const AllUsersQuery = Type.Object({
  search: Type.Optional(Text({
    minLength: 1,
    maxLength: MAX_USERNAME,
    description: 'beginning of a username, letter case ignored'
  })),
  after: Type.Optional(Text({ minLength: 1, maxLength: 120, description: '`next` of the page before' })),
  limit: Type.Optional(PageLimit)
}, { additionalProperties: false })
export type AllUsersQuery = Static<typeof AllUsersQuery>

export const AllUsersReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('All Uers retrived successfully'),
  data: Type.Array(Type.Ref('User')),
  next: Type.Optional(Type.String({ description: 'cursor for `after`; absent on the last page' }))
})

export const MeReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Data Retrived'),
  data: Type.Ref('User')
})

export const PasswordBody = Type.Object({
  oldPassword: GivenPassword,
  newPassword: { ...NewPassword, examples: ['correct horse battery staple'] }
})
export type PasswordBody = Static<typeof PasswordBody>

export const DeleteUserBody = Type.Object({ password: GivenPassword })
export type DeleteUserBody = Static<typeof DeleteUserBody>

export const SessionInfo = Type.Object({
  id: Type.String({ description: 'names the session; it cannot be used to log in' }),
  current: Type.Boolean(),
  createdAt: Type.String({ format: 'date-time' }),
  lastSeenAt: Type.String({ format: 'date-time' }),
  expiresAt: Type.String({ format: 'date-time' }),
  userAgent: Type.String()
}, { $id: 'SessionInfo', title: 'SessionInfo' })
export type SessionInfo = Static<typeof SessionInfo>

export const SessionsReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Sessions retrieved successfully'),
  data: Type.Array(Type.Ref('SessionInfo'))
})

export const SessionParams = Type.Object({
  id: Type.String({ pattern: '^[0-9a-f]{64}$', examples: ['ab'.repeat(32)] })
})
export type SessionParams = Static<typeof SessionParams>

/** The answer of a request that changes something and returns no data. */
export const DoneReply = Type.Object({ success: Type.Literal('success'), message: Type.String() })

export const AvatarsQuery = Type.Object({
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_OFFERED }))
}, { additionalProperties: false })
export type AvatarsQuery = Static<typeof AvatarsQuery>

export const AvatarsReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Avatars retrieved successfully'),
  data: Type.Array(Type.String({ description: 'base64 of an SVG, as setAvatar takes it' }))
})
