/**
 * What a frame costs its user (USER_FRAME_RATE). One unit is about 0.3 ms of CPU time, a look-up in the
 * embedded database. Each figure is the CPU time of the whole process for one frame, with Node 20 on two
 * cores of an AMD EPYC.
 */
import type { ClientFrame } from 'chat-protocol'

/** 128 KiB of JSON take 0.5 ms (one string) to 14 ms (nested arrays) to parse. */
const BYTES_PER_UNIT = 4 * 1024
/** `resumed` lists 50 conversations, each compared with its messages: 15 ms. */
const RESUME_BASE = 50
/** 200 watched users take one query and 200 answers: 4 to 5 ms. */
const WATCHED_USERS_PER_UNIT = 16

/** A page of 1 MiB of missed messages takes 10 ms: to read, to serialise and to send. */
const PAGE_BYTES_PER_UNIT = 32 * 1024

/** A message to 500 sockets takes 16 ms. */
const MEMBERS_PER_UNIT = 10

/**
 * Those that cost more than one unit. Of the others `ping` takes 0.015 ms, `send` 0.07 to 0.3 ms by the
 * number of messages that share a write, `delivered` and `read` 0.2 to 0.4 ms.
 */
const COSTS: { [T in ClientFrame['type']]?: (frame: Extract<ClientFrame, { type: T }>) => number } = {
  /** A look-up, an insert and an update: 0.5 to 0.8 ms one at a time. */
  edit: () => 3,
  delete: () => 3,
  react: () => 3,
  /** 0.01 ms, but 0.45 ms where the receiver has to be looked up. */
  typing: () => 2,
  watch: ({ users }) => 1 + Math.ceil(users.length / WATCHED_USERS_PER_UNIT),
  /** 0.32 ms for each conversation: the look-up of its last number. */
  resume: frame => RESUME_BASE + conversationsIn(frame)
}

/** The cost of any frame before it is parsed; it contains the first unit of the cost by type. */
export function costOfBytes (bytes: number): number {
  return 1 + Math.floor(bytes / BYTES_PER_UNIT)
}

/** The cost of a frame by its type and content. */
export function costOfFrame (frame: ClientFrame): number {
  const cost = COSTS[frame.type] as ((frame: ClientFrame) => number) | undefined
  return cost?.(frame) ?? 1
}

/** The cost of messages that are sent again after a resume. */
export function costOfPage (bytes: number): number {
  return bytes / PAGE_BYTES_PER_UNIT
}

/** What an entry costs by the members to whom it is pushed, whatever way it came. */
export function costOfFanOut (members: number): number {
  return Math.floor(members / MEMBERS_PER_UNIT)
}

/** Conversations that a frame asks to resume. */
export function conversationsIn (frame: ClientFrame): number {
  return frame.type === 'resume' ? Object.keys(frame.have).length : 0
}
