/**
 * The constants and types of chat.v1. Only constants.ts and conversation-id.ts are loaded at run time; the
 * schemas are in `chat-protocol/schemas`.
 */
export * from './constants.js'
export * from './conversation-id.js'
export type {
  Change, ChangeFrame, DeleteChange, EditChange, GroupChange, MemberChange, ReactionChange
} from './changes.js'
export type {
  ClientFrame, DeleteFrame, DeliveredFrame, EditFrame, PingFrame, ReactFrame, ReadFrame, ResumeFrame,
  SendFrame, TypingFrame, WatchFrame
} from './client-frames.js'
export type { Message } from './message.js'
export type { Role } from './values.js'
export type {
  AckFrame, ByeFrame, ConversationState, ErrorFrame, HelloFrame, MessageFrame, PongFrame, PresenceFrame,
  ReceiptFrame, ResetFrame, ResumedFrame, ServerFrame, TypingNotice
} from './server-frames.js'
