import type { UserDocument } from '../database/documents.js'
import type { User } from './schemas.js'

/** Never read where it is not compared: what was not read cannot leak. */
export const WITHOUT_PASSWORD = { password: 0 } as const

/** What a user takes in JSON besides its name and avatar. */
const USER_BYTES = 150

type PublicFields = Pick<UserDocument, '_id' | 'username' | 'email' | 'avatarImage' | 'isAvatarImageSet' | 'deletedAt'>

/**
 * A user as others see it; a deleted one keeps only its id.
 * `password` is always empty: the original's clients expect the field.
 */
export function publicUser ({ _id, username, avatarImage, isAvatarImageSet, deletedAt }: Omit<PublicFields, 'email'>): User {
  if (deletedAt !== undefined) return { _id: _id.toHexString(), username: 'Deleted user', deleted: true }
  return { _id: _id.toHexString(), username, password: '', avatarImage, isAvatarImageSet }
}

/**
 * The bytes of a user in JSON, as others see it. Neither names (src/accounts/names.ts) nor base64 have characters that
 * JSON escapes.
 */
export function userBytes ({ username, avatarImage }: Omit<PublicFields, 'email'>): number {
  return USER_BYTES + Buffer.byteLength(username) + avatarImage.length
}

/** A user as itself sees it: with its e-mail address. */
export function ownUser (user: PublicFields): User {
  return { ...publicUser(user), email: user.email }
}
