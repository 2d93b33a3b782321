import { Type } from '@sinclair/typebox'
import { OtherIdString } from 'chat-protocol/schemas'

export const BlockParams = Type.Object({ user: OtherIdString })

const reply = <M extends string>(message: M) => Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal(message),
  data: Type.Ref('User')
})

export const BlockedReply = reply('User blocked')
export const UnblockedReply = reply('User unblocked')

export const BlocksReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Blocked users retrieved'),
  data: Type.Array(Type.Ref('User'))
})
