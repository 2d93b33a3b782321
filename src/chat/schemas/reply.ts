import { Type, type TSchema } from '@sinclair/typebox'

/** The schema of a successful answer. */
export const replyWith = <M extends string, D extends TSchema>(message: M, data: D) => Type.Object({
  success: Type.Literal('success'),
  message: Type.Literal(message),
  data
})
