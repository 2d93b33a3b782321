import { conversationOf } from 'chat-protocol'

/** The conversation of a frame, and the field that names it. */
export interface Target {
  conversation: string
  path: 'reciver' | 'conversation'
}

/** Reads the conversation that a `send` or `typing` frame names; frame-parser.ts checked the frame. */
export function targetOf (
  user: string, { reciver, conversation }: { reciver?: string, conversation?: string }
): Target {
  return conversation === undefined
    ? { conversation: conversationOf(user, reciver!), path: 'reciver' }
    : { conversation, path: 'conversation' }
}
