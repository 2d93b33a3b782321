/**
 * The id of the conversation of two users: `"<lower id>:<higher id>"`; twice the same id for a conversation
 * with oneself.
 */
export function conversationOf (a: string, b: string): string {
  return a < b ? `${a}:${b}` : `${b}:${a}`
}
