/**
 * The id of the conversation of two users: `"<lower id>:<higher id>"`; twice the same id for a conversation
 * with oneself.
 */
export function conversationOf (a: string, b: string): string {
  return a < b ? `${a}:${b}` : `${b}:${a}`
}

/** The kinds of conversations. */
export type ConversationKind = 'direct' | 'group'

/** The kind of a conversation, which the form of its id shows. */
export function kindOf (conversation: string): ConversationKind {
  return conversation.includes(':') ? 'direct' : 'group'
}
