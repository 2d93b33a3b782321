import { Type } from '@sinclair/typebox'
import { ClientId, GroupId, GroupName, OtherIdString, Role } from 'chat-protocol/schemas'
import { GroupDetails, History } from './conversations.js'
import { replyWith } from './reply.js'

/** Ids that a list may have, members that are named twice included; GROUP_MEMBERS bounds the group. */
const MAX_LISTED = 1_000

export const NewGroupBody = Type.Object({
  name: GroupName,
  members: Type.Array(OtherIdString, { maxItems: MAX_LISTED, description: 'ids of users' }),
  history: Type.Optional(History),
  clientId: Type.Optional(ClientId)
})

export const GroupParams = Type.Object({ id: GroupId })
export const MemberParams = Type.Object({ id: GroupId, user: OtherIdString })

export const UpdateGroupBody = Type.Object({
  name: Type.Optional(GroupName),
  avatarImage: Type.Optional(Type.String({ description: "base64 of an SVG; '' removes it" }))
}, { minProperties: 1 })

export const AddMemberBody = Type.Object({
  user: OtherIdString,
  role: Type.Optional(Type.Union([Type.Literal('admin'), Type.Literal('member')], { examples: ['member'] }))
})

export const UpdateMemberBody = Type.Object({ role: Role })

export const GroupCreatedReply = replyWith('Group created', Type.Ref('Conversation'))
export const GroupUpdatedReply = replyWith('Group updated', Type.Ref('Conversation'))
export const MemberAddedReply = replyWith('Member added', Type.Ref('Conversation'))
export const MemberUpdatedReply = replyWith('Member updated', Type.Ref('Conversation'))

export const GroupReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Group retrieved'),
  data: GroupDetails
})

export const MemberRemovedReply = Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal('Member removed'),
  data: Type.Object({})
})
