/**
 * The client writes its frames out (packages/client/src/frames.ts), so that it needs no other package. Here the compiler holds them equal to the server's schemas:
 * `npx tsc -p tsconfig.json`, and this file under tap, fail where one says what the other does not.
 */
import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import tap from 'tap'
import type * as client from '../../packages/client/src/frames.js'
import type { WebSocketLike, WebSocketClass } from 'chat-app-client'
import { CLIENT_FRAMES, SERVER_FRAMES, type ClientFrame, type ServerFrame } from '../../src/realtime/frames.js'
import type { Message } from '../../src/chat/schemas/messages.js'
import type { WebSocket } from 'ws'

/** Identical for the compiler: neither side has a property, an option or a type more (TypeScript's relation of conditional types). */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** The same type, with intersections and aliases worked out. */
type Plain<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T
type Same<A, B> = Equal<Plain<A>, Plain<B>>

type ByType<F extends { type: string }> = { [K in F['type']]: Extract<F, { type: K }> }
type Schemas<S> = { -readonly [K in keyof S]: S[K] extends import('@sinclair/typebox').TSchema ? Static<S[K]> : never }

const equal = <T extends true> (value: T) => value

tap.test('the compiler finds differences of names, options and types', async t => {
  const found: [
    Same<{ a: string }, { a: string, b?: string }>, Same<{ a: string }, { a?: string }>, Same<{ a: { b: 1 } }, { a: { b: number } }>, Same<{ a: string[] }, { a: number[] }>
  ] = [false, false, false, false]
  t.notOk(found.includes(true as never))
})

tap.test("the client's frames are those of the schemas, in both directions", async t => {
  t.ok(equal<Same<client.Message, Message>>(true))
  t.ok(equal<Same<ByType<client.ClientFrame>, ByType<ClientFrame>>>(true))
  t.ok(equal<Same<ByType<client.ServerFrame>, ByType<ServerFrame>>>(true))
  t.ok(equal<Same<ByType<client.ClientFrame>, Schemas<typeof CLIENT_FRAMES>>>(true))
  t.ok(equal<Same<ByType<client.ServerFrame>, Schemas<typeof SERVER_FRAMES>>>(true))
  t.ok(equal<Same<client.ResumedFrame['conversations'][number], client.ConversationState>>(true))
  for (const frames of [CLIENT_FRAMES, SERVER_FRAMES]) {
    for (const [type, schema] of Object.entries(frames)) t.ok(Value.Check(Type.Literal(type), schema.properties.type.const), type)
  }
})

tap.test('the class of the package ws can be passed', async t => {
  const fits: typeof WebSocket extends WebSocketClass ? true : false = true
  const fitsToo: WebSocket extends WebSocketLike ? true : false = true
  t.ok(fits && fitsToo)
})
