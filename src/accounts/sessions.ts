import { createHash, randomBytes } from 'node:crypto'
import { mongodb } from '../database/driver.js'
import { LRUCache } from 'lru-cache'
import { apiError } from '../errors.js'
import type { SessionDocument } from '../database/documents.js'

/** Who sends a request. */
export interface Caller {
  /** id of the user */
  user: string
  /** id of the session: SHA-256 of its token, in hex */
  session: string
}

/** A session that was ended before its time. */
export interface EndedSession { user: string, session: string }

/** 256 bits cannot be guessed (OWASP Session Management Cheat Sheet asks for 64 at least). */
const TOKEN_BYTES = 32
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** How long a session that another process ended may still be believed here. */
const CACHE_MS = 1_000
/** An answer of the database that was under way while a session ended here is older than this by then. */
const ENDED_MS = 60_000
/** Sessions and ended sessions that are remembered: about as many as there are sockets. Memory for their places is set aside at once. */
const CACHE_SIZE = 20_000

/** How exact `lastSeenAt` is: a write for each request would cost more than the request. */
const SEEN_MS = 60_000

/** Sessions of one user; above it the oldest end, so that logging in again and again does not fill the database. */
const MAX_SESSIONS = 100

/** Enough to tell one's devices apart; a browser's own is some 120 characters. */
const MAX_USER_AGENT = 256

const DAY_MS = 24 * 60 * 60 * 1_000

interface CachedSession { user: string, lastSeenAt: number, expiresAt: number }

/** The id of a token's session. SHA-256 is enough: a token has 256 random bits, so there is nothing to guess (unlike a password). */
export const sessionId = (token: string): string => createHash('sha256').update(token).digest('hex')

/** What is answered wherever a session is missing, has ended or never was. */
export const noSession = () => apiError('unauthorized',
  'log in with POST /api/v1/user/login, then send its token as "Authorization: Bearer …" or keep its cookie')

/**
 * The sessions of this server: in the database, with a cache that believes an open session for a second and an ended
 * one never again. A session ends at its absolute end (`sessionDays`), or when it was not used for half of that
 * (OWASP ASVS 5.0, 7.3.1 and 7.3.2), or when it is ended.
 */
export class Sessions {
  readonly maxAgeMs: number
  readonly #idleMs: number
  readonly #listeners: ((ended: EndedSession) => void)[] = []
  readonly #cache = new LRUCache<string, CachedSession | 'ended'>({ max: CACHE_SIZE, ttl: CACHE_MS })

  constructor (
    private readonly documents: mongodb.Collection<SessionDocument>,
    sessionDays: number,
    private readonly onFailedWrite: (error: unknown) => void
  ) {
    this.maxAgeMs = sessionDays * DAY_MS
    this.#idleMs = this.maxAgeMs / 2
  }

  /** Calls the listener whenever this process ends a session, at once. */
  onEnd (listener: (ended: EndedSession) => void): void {
    this.#listeners.push(listener)
  }

  /** Opens a session and gives its token, which is kept nowhere. */
  async create (user: string, userAgent: string): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const now = Date.now()
    const owner = new mongodb.ObjectId(user)
    await this.documents.insertOne({
      _id: sessionId(token),
      user: owner,
      createdAt: new Date(now),
      lastSeenAt: new Date(now),
      expiresAt: new Date(now + this.maxAgeMs),
      userAgent: userAgent.slice(0, MAX_USER_AGENT)
    })
    const surplus = await this.documents.find({ user: owner }, { projection: { _id: 1 } }).sort({ createdAt: -1 }).skip(MAX_SESSIONS).toArray()
    await this.#delete(user, surplus.map(({ _id }) => _id))
    return token
  }

  /** The caller that an open session's token stands for, as far as is known without asking the database. */
  known (token: string): Caller | undefined {
    const session = sessionId(token)
    const cached = this.#cache.get(session)
    if (cached === undefined || cached === 'ended' || this.#isOver(cached)) return undefined
    this.#seen(session, cached)
    return { user: cached.user, session }
  }

  /** The caller that an open session's token stands for, or undefined. */
  async find (token: string): Promise<Caller | undefined> {
    if (!TOKEN.test(token)) return undefined
    const session = sessionId(token)
    const user = this.#cache.get(session) === 'ended' ? undefined : await this.#read(session)
    return user === undefined ? undefined : { user, session }
  }

  /** Which of these sessions are open, by the database; that counts as a use of each. For sockets, which authenticate only once. */
  async openAmong (sessions: string[]): Promise<Set<string>> {
    const start = performance.now()
    const found = await this.documents.find({ _id: { $in: sessions } }, { batchSize: sessions.length + 1 }).toArray()
    return new Set(found.filter(document => this.#take(document, start) !== undefined).map(({ _id }) => _id))
  }

  /** A user's open sessions, the latest used first. */
  async list (user: string): Promise<SessionDocument[]> {
    const found = await this.documents.find({ user: new mongodb.ObjectId(user) }).toArray()
    return found
      .filter(({ lastSeenAt, expiresAt }) => !this.#isOver({ lastSeenAt: +lastSeenAt, expiresAt: +expiresAt }))
      .sort((a, b) => +b.lastSeenAt - +a.lastSeenAt)
  }

  /** Ends one session of a user; false if the user has none of this id. */
  async end (user: string, session: string): Promise<boolean> {
    const found = await this.documents.findOne({ _id: session, user: new mongodb.ObjectId(user) })
    if (found === null) return false
    await this.#delete(user, [session])
    return true
  }

  /** Ends all sessions of a user but one. */
  async endOthers (user: string, except = ''): Promise<void> {
    const found = await this.documents.find({ user: new mongodb.ObjectId(user), _id: { $ne: except } }, { projection: { _id: 1 } }).toArray()
    await this.#delete(user, found.map(({ _id }) => _id))
  }

  /** Deletes what has expired: nobody can use it, it only takes space. */
  async deleteExpired (): Promise<void> {
    await this.documents.deleteMany({ expiresAt: { $lt: new Date() } })
  }

  async #delete (user: string, sessions: string[]): Promise<void> {
    if (sessions.length === 0) return
    await this.documents.deleteMany({ _id: { $in: sessions } })
    for (const session of sessions) {
      this.#cache.set(session, 'ended', { ttl: ENDED_MS })
      for (const listener of this.#listeners) listener({ user, session })
    }
  }

  /** The user of an open session, from the database into the cache. */
  async #read (session: string): Promise<string | undefined> {
    const start = performance.now()
    const found = await this.documents.findOne({ _id: session })
    return found === null ? undefined : this.#take(found, start)
  }

  /** The user of a session that was read, unless it is over; the cache believes it for a second from `start`, when the question was asked. */
  #take (found: SessionDocument, start: number): string | undefined {
    // It may have ended here while the database answered.
    if (this.#cache.get(found._id) === 'ended') return undefined
    const read = { user: found.user.toHexString(), lastSeenAt: +found.lastSeenAt, expiresAt: +found.expiresAt }
    if (this.#isOver(read)) return undefined
    this.#cache.set(found._id, read, { start })
    this.#seen(found._id, read)
    return read.user
  }

  #isOver ({ lastSeenAt, expiresAt }: Pick<CachedSession, 'lastSeenAt' | 'expiresAt'>): boolean {
    return Date.now() >= Math.min(expiresAt, lastSeenAt + this.#idleMs)
  }

  #seen (session: string, cached: CachedSession): void {
    const now = Date.now()
    // Where sessions idle out within minutes, a minute would be too coarse.
    if (now - cached.lastSeenAt < Math.min(SEEN_MS, this.#idleMs / 10)) return
    cached.lastSeenAt = now
    // Nobody waits for it; if it fails, the next request writes it.
    this.documents.updateOne({ _id: session }, { $set: { lastSeenAt: new Date(now) } }).catch(this.onFailedWrite)
  }
}
