/** The entries of a log that are not messages. */
import { Type, type Static, type TObject, type TProperties } from '@sinclair/typebox'
import {
  ConversationId, Emoji, GroupName, Moment, ObjectIdString, OtherIdString, Rev, Role, Seq
} from './values.js'

/** What every change has, in the order of the wire. */
const head = <Kind extends string>(kind: Kind) => ({
  conversation: ConversationId,
  rev: Rev,
  kind: Type.Literal(kind),
  by: ObjectIdString,
  at: Moment
})

export const EditChange = Type.Object({
  ...head('edit'),
  seq: Seq,
  message: Type.String({ description: "the new text; '' if the message was deleted", examples: ['Hello!'] })
})
export type EditChange = Static<typeof EditChange>

export const DeleteChange = Type.Object({ ...head('delete'), seq: Seq })
export type DeleteChange = Static<typeof DeleteChange>

export const ReactionChange = Type.Object({
  ...head('reaction'),
  seq: Seq,
  emoji: Emoji,
  on: Type.Boolean({ description: 'false: taken back' })
})
export type ReactionChange = Static<typeof ReactionChange>

export const MemberChange = Type.Object({
  ...head('member'),
  user: OtherIdString,
  role: Type.Union([Role, Type.Null()], { description: 'null: left, or was removed', examples: ['member'] })
})
export type MemberChange = Static<typeof MemberChange>

export const GroupChange = Type.Object({
  ...head('group'),
  name: Type.Optional(GroupName),
  avatarImage: Type.Optional(Type.String({ description: "base64 of an SVG; '': removed" }))
})
export type GroupChange = Static<typeof GroupChange>

const CHANGES = [EditChange, DeleteChange, ReactionChange, MemberChange, GroupChange] as const
const EXAMPLE = {
  conversation: (ConversationId.examples as string[])[0]!,
  rev: 5,
  kind: 'reaction',
  by: (ObjectIdString.examples as string[])[0]!,
  at: (Moment.examples as string[])[0]!,
  seq: 3,
  emoji: '👍',
  on: true
}

const typed = <P extends TProperties>(change: TObject<P>) =>
  Type.Object({ type: Type.Literal('change'), ...change.properties })

/** A durable change of a conversation: an edited, deleted or reacted-to message, its members or its name. */
export const Change = Type.Union([...CHANGES], {
  description: 'of an edit, delete or reaction: the fields of the frame `change`'
})
export type Change = EditChange | DeleteChange | ReactionChange | MemberChange | GroupChange

export const ChangeFrame = Type.Union([
  typed(EditChange), typed(DeleteChange), typed(ReactionChange), typed(MemberChange), typed(GroupChange)
], {
  title: 'change',
  description: 'The next change of a conversation, in the order of `rev` with its messages.',
  examples: [{ type: 'change', ...EXAMPLE }]
})
export type ChangeFrame = { type: 'change' } & Change
