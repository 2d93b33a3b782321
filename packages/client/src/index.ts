/**
 * A client of the Chat App Server: the protocol `chat.v1` over a WebSocket, in order, without gap, without
 * duplicate.
 */
export type { Recipient, SendOptions } from './arguments.js'
export { ChatClient } from './client.js'
export type { WebSocketClass, WebSocketLike } from './connection.js'
export { ChatError, type ErrorCode, type FinalCode } from './errors.js'
export type { Events, State, StateChange } from './events.js'
export { fold, foldMessage, type Entry, type Folded } from './fold.js'
export { conversationOf, partnerIn } from 'chat-protocol'
export type {
  AckFrame, ByeFrame, Change, ChangeFrame, ClientFrame, ConversationState, DeleteFrame, DeliveredFrame,
  EditFrame, ErrorFrame, HelloFrame, Message, MessageFrame, PingFrame, PongFrame, PresenceFrame, ReactFrame,
  ReadFrame, ReceiptFrame, ResetFrame, ResumedFrame, ResumeFrame, SendFrame, ServerFrame, TypingFrame,
  TypingNotice, WatchFrame
} from 'chat-protocol'
export type { FetchLike } from './http.js'
export type { ChatClientOptions } from './options.js'
export type { Answer, Outgoing } from './outgoing.js'
export type { Backoff } from './pace.js'
export type { SavedState } from './saving.js'
export { randomUuid } from './uuid.js'
export type { Clock } from './timer.js'
