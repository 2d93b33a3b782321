/**
 * Limits the frames of a socket: by their number (FRAME_RATE), by their cost, which all sockets of a user
 * share (USER_FRAME_RATE), and by the work that is under way. The caller passes the time.
 */
import { Allowances } from '../rate-limits/allowances.js'
import { apiError, type ApiError } from '../errors.js'
import type { ClientFrame } from 'chat-protocol'
import { conversationsIn, costOfBytes, costOfFrame } from './frame-costs.js'
import { TokenBucket, type Given } from '../rate-limits/token-bucket.js'

export interface FrameLimits {
  /** Frames a second of one socket; 0 switches the limit off. */
  framesPerSecond: number
  /** Conversations that one resume may name. */
  resumeConversations: number
}

/** Bursts of a socket: what people type after a reconnect, or a client sends at its start. */
const BURST_SECONDS = 3
/** Refused frames, in bursts, before a socket is closed with 4429: by then it ignores the errors. */
const REFUSED_BURSTS = 3
/**
 * Bursts of a user, 4,000 units by default, about 1.3 s of CPU time: a device that reconnects with 3,000
 * conversations, or two with 1,900 each. Ten users who spend theirs at once have the server busy for 13 s.
 */
const USER_BURST_SECONDS = 40
/** Frames under way on one socket, mostly sends that wait for the database; above it nothing more is read. */
const MAX_IN_FLIGHT = 256
/** Full frames whose conversations may be under way on one socket: 10,000 conversations by default. */
const FULL_RESUMES_UNDER_WAY = 4
/** Until a socket that has too many conversations under way may try again. */
const UNDER_WAY_RETRY_MS = 1_000

const tooMany = (detail: string, retryMs: number, path = ''): ApiError =>
  apiError('tooManyRequests', detail, path, { retryAfter: retryMs / 1000 })

/**
 * What the frames of each user may cost, shared by the user's sockets.
 * @param costPerSecond units a second of one user; 0 switches the limit off
 */
export function frameAllowances (costPerSecond: number, given: Given): Allowances {
  return new Allowances(costPerSecond, costPerSecond * USER_BURST_SECONDS, given)
}

/** The frames of one socket. */
export class FrameLimiter {
  readonly #limits: FrameLimits
  readonly #frames: TokenBucket
  readonly #allowance: TokenBucket
  #inFlight = 0
  #conversationsUnderWay = 0
  #refused = 0
  #refusedAt = 0

  constructor (limits: FrameLimits, allowance: TokenBucket) {
    this.#limits = limits
    this.#frames = new TokenBucket(limits.framesPerSecond, limits.framesPerSecond * BURST_SECONDS)
    this.#allowance = allowance
  }

  /** Whether so much is under way that the socket is not to be read. */
  get full (): boolean { return this.#inFlight >= MAX_IN_FLIGHT }

  /** Whether the client goes on against the limits: its socket is to be closed with 4429. */
  get ignored (): boolean {
    const { framesPerSecond } = this.#limits
    return framesPerSecond > 0 && this.#refused > framesPerSecond * BURST_SECONDS * REFUSED_BURSTS
  }

  /**
   * Counts a frame that arrived, before it is parsed.
   * @throws ApiError `tooManyRequests`
   */
  arrive (bytes: number, now: number): void {
    const wait = this.#frames.take(now)
    if (wait > 0) throw this.#refusal(now, tooMany('too many frames', wait))
    this.#charge(costOfBytes(bytes), 0, now)
  }

  /**
   * Counts what a frame asks for, after it was parsed. Each `begin` needs a `done`.
   * @throws ApiError `validation` where it names too many conversations, else `tooManyRequests`
   */
  begin (frame: ClientFrame, bytes: number, now: number): void {
    const { resumeConversations } = this.#limits
    const conversations = conversationsIn(frame)
    if (conversations > resumeConversations) {
      const detail = `have names ${conversations}; a frame names at most ${resumeConversations} conversations`
      throw apiError('validation', detail, 'have')
    }
    const path = pathOf(frame)
    const underWay = this.#conversationsUnderWay
    if (underWay > 0 && underWay + conversations > resumeConversations * FULL_RESUMES_UNDER_WAY) {
      throw this.#refusal(now, tooMany('too many conversations are being resumed', UNDER_WAY_RETRY_MS, path))
    }
    // One unit is among those of the bytes.
    this.#charge(costOfFrame(frame) - 1, costOfBytes(bytes), now, path)
    this.#inFlight++
    this.#conversationsUnderWay += conversations
  }

  /** A frame that began has been handled. */
  done (frame: ClientFrame): void {
    this.#inFlight--
    this.#conversationsUnderWay -= conversationsIn(frame)
  }

  /** @param charged what the same frame has cost already; sent again, it costs that again */
  #charge (cost: number, charged: number, now: number, path = ''): void {
    if (cost === 0) return
    const needed = Math.min(cost, this.#allowance.burst - charged)
    if (this.#allowance.take(now, cost, needed) === 0) return
    const wait = this.#allowance.wait(now, charged + cost)
    throw this.#refusal(now, tooMany('the sockets of this account ask for too much', wait, path))
  }

  /** Counts a refused frame; the count falls at the rate at which frames may come. */
  #refusal (now: number, error: ApiError): ApiError {
    const fallen = Math.max(0, now - this.#refusedAt) * this.#limits.framesPerSecond / 1000
    this.#refused = Math.max(0, this.#refused - fallen) + 1
    this.#refusedAt = now
    return error
  }
}

/** The field that an error names where a whole frame was refused: so a client knows that it was a resume. */
export function pathOf (frame: Pick<ClientFrame, 'type'>): string {
  return frame.type === 'resume' ? 'have' : ''
}
