import { Type } from '@sinclair/typebox'
import { OtherIdString } from 'chat-protocol/schemas'
import { replyWith } from './reply.js'

export const BlockParams = Type.Object({ user: OtherIdString })

export const BlockedReply = replyWith('User blocked', Type.Ref('User'))
export const UnblockedReply = replyWith('User unblocked', Type.Ref('User'))

export const BlocksReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Blocked users retrieved'),
  data: Type.Array(Type.Ref('User'))
})
