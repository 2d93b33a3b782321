import type { UserDocument } from '../database/documents.js'
import type { User } from './schemas.js'

/** What others see of a user. */
export const PUBLIC_FIELDS = { username: 1, avatarImage: 1, isAvatarImageSet: 1, deletedAt: 1 } as const
export type PublicFields = Pick<UserDocument, '_id' | keyof typeof PUBLIC_FIELDS>

/** Bytes of a user in JSON besides its name and avatar. */
const USER_BYTES = 150

/**
 * A user as others see it; of a deleted one only the id is left. `password` is always empty, because clients
 * of the original server expect the field.
 */
export function publicUser (user: PublicFields): User {
  const _id = user._id.toHexString()
  if (user.deletedAt !== undefined) return { _id, username: 'Deleted user', deleted: true }
  const { username, avatarImage, isAvatarImageSet } = user
  return { _id, username, password: '', avatarImage, isAvatarImageSet }
}

/**
 * Bytes of a user in JSON, as others see it. JSON escapes no character of names (src/accounts/names.ts) or of
 * base64.
 */
export function userBytes ({ username, avatarImage }: PublicFields): number {
  return USER_BYTES + Buffer.byteLength(username) + avatarImage.length
}

/** Users as they see themselves: with their e-mail address. */
export function ownUser (user: PublicFields & Pick<UserDocument, 'email'>): User {
  return { ...publicUser(user), email: user.email }
}
