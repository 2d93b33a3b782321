/** Characters of a user's id: the hex of an ObjectId. */
const ID_CHARS = 24

/**
 * The id of the conversation of two users: `"<lower id>:<higher id>"`; twice the same id for a conversation
 * with oneself.
 */
export function conversationOf (a: string, b: string): string {
  return a < b ? `${a}:${b}` : `${b}:${a}`
}

/** The two ids of a direct conversation, the lower one first; twice the same for one with oneself. */
export function pairOf (conversation: string): [low: string, high: string] {
  return [conversation.slice(0, ID_CHARS), conversation.slice(ID_CHARS + 1)]
}

/** The other member of a direct conversation; undefined for a user who is not one of the two. */
export function partnerIn (conversation: string, user: string): string | undefined {
  const [low, high] = pairOf(conversation)
  if (low === user) return high
  return high === user ? low : undefined
}

/** The kinds of conversations. */
export type ConversationKind = 'direct' | 'group'

/** The kind of a conversation, which the form of its id shows. */
export function kindOf (conversation: string): ConversationKind {
  return conversation.includes(':') ? 'direct' : 'group'
}
