import type { ByeFrame, ClientFrame } from 'chat-protocol'

/** What the state machine of chat.v1 makes others do. */
export interface Effects {
  /** Puts a frame on the open socket. */
  transmit (frame: ClientFrame): void
  /** Calls `pump` after this time, instead of any earlier request. */
  wake (ms: number): void
  /** `catchUp` has requests to make over HTTP. */
  work (): void
  /** Replaces this connection by another one, after at least this time. */
  renew (ms: number): void
  bye (frame: ByeFrame): void
}
