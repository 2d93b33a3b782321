/**
 * A client of the Chat App Server: the protocol `chat.v1` over a WebSocket, in order, without gap, without
 * duplicate.
 */
export { ChatClient, type SendOptions } from './client.js'
export type { WebSocketClass, WebSocketLike } from './connection.js'
export { ChatError, type ErrorCode, type FinalCode } from './errors.js'
export type { Events, State, StateChange } from './events.js'
export { conversationOf } from 'chat-protocol'
export type {
  AckFrame, ByeFrame, ClientFrame, ConversationState, DeliveredFrame, ErrorFrame, HelloFrame, Message,
  MessageFrame, PingFrame, PongFrame, PresenceFrame, ReadFrame, ReceiptFrame, ResetFrame, ResumedFrame,
  ResumeFrame, SendFrame, ServerFrame, TypingFrame, TypingNotice, WatchFrame
} from 'chat-protocol'
export type { FetchLike } from './http.js'
export type { ChatClientOptions } from './options.js'
export type { Outgoing } from './outbox.js'
export type { Backoff } from './pace.js'
export type { Clock } from './timer.js'
