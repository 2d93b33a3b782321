/**
 * Maps the original API to conversations: it names a conversation by its two members, `sender` and `reciver`
 * (its own spelling), in the query or in a JSON body.
 */
import { apiError } from '../errors.js'
import { conversationOf } from 'chat-protocol'

/** The members as a request names them, in one place. */
interface NamedMembers {
  sender?: string
  reciver?: string
}

export interface MemberPair {
  sender: string
  reciver: string
}

/**
 * Reads the two members that a request names, in the query, in the body, or in both.
 * @throws `validation` when one is missing, or differs between query and body
 */
export function memberPair (query: NamedMembers, body: NamedMembers | null | undefined): MemberPair {
  return {
    sender: agreed('sender', query.sender, body?.sender),
    reciver: agreed('reciver', query.reciver, body?.reciver)
  }
}

/**
 * The conversation of a pair.
 * @param caller the user that asks
 * @throws `forbidden` when the caller is not one of the two
 */
export function conversationOfPair ({ sender, reciver }: MemberPair, caller: string): string {
  if (sender !== caller && reciver !== caller) {
    throw apiError('forbidden', 'sender or reciver must be yourself', 'sender')
  }
  return conversationOf(sender, reciver)
}

function agreed (path: string, inQuery: string | undefined, inBody: string | undefined): string {
  if (inQuery !== undefined && inBody !== undefined && inQuery !== inBody) {
    throw apiError('validation', `${path} differs between query and body`, path)
  }
  const value = inQuery ?? inBody
  if (value === undefined) throw apiError('validation', `${path} is required`, path)
  return value
}
