import { createHash, randomBytes } from 'node:crypto'
import { mongodb } from '../database/driver.js'
import { cacheOf } from '../cache.js'
import { apiError } from '../errors.js'
import type { SessionDocument } from '../database/documents.js'

/** The sender of a request. */
export interface Caller {
  /** id of the user */
  user: string
  /** id of the session: SHA-256 of its token, in hex */
  session: string
}

/** A session that was ended before it expired. */
export interface EndedSession {
  user: string
  session: string
}

/** 256 bits cannot be guessed (OWASP Session Management Cheat Sheet asks for at least 64). */
const TOKEN_BYTES = 32
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** A session that another process ended stays valid here for at most this time. */
const CACHE_MS = 1_000
/**
 * Ended sessions are remembered for longer than any read of the database takes that began before they ended.
 */
const ENDED_MS = 60_000
/**
 * Sessions and ended sessions in the cache: about as many as there are sockets. The cache allocates all
 * places at once.
 */
const CACHE_SIZE = 20_000

/** The precision of `lastSeenAt`: a write for each request would cost more than the request. */
const SEEN_MS = 60_000

/** Sessions of one user. Above it the oldest end, so that repeated logins do not fill the database. */
const MAX_SESSIONS = 100

/** Enough to tell devices apart: browsers send about 120 characters. */
const MAX_USER_AGENT = 256

const DAY_MS = 24 * 60 * 60 * 1_000

interface CachedSession {
  user: string
  /** milliseconds since 1970, like `expiresAt` */
  lastSeenAt: number
  expiresAt: number
}

/**
 * The id of a token's session. SHA-256 is enough: unlike a password, a token of 256 random bits cannot be
 * guessed.
 */
export const sessionId = (token: string): string => createHash('sha256').update(token).digest('hex')

/** The error if a session is missing, unknown or has ended. */
export const noSession = () => apiError('unauthorized',
  'log in with POST /api/v1/user/login, then send its token as "Authorization: Bearer …" or keep its cookie')

/**
 * The sessions of this server. They are in the database; a cache trusts an open session for a second, and
 * never trusts an ended one again. A session expires after `sessionDays`, or after half of that time without
 * use (OWASP ASVS 5.0, 7.3.1 and 7.3.2), unless it is ended before.
 */
export class Sessions {
  readonly maxAgeMs: number
  readonly #idleMs: number
  readonly #documents: mongodb.Collection<SessionDocument>
  readonly #onFailedWrite: (error: unknown) => void
  readonly #listeners: ((ended: EndedSession) => void)[] = []
  readonly #cache = cacheOf<CachedSession | 'ended'>(CACHE_SIZE, CACHE_MS)

  /** @param onFailedWrite called with the error if `lastSeenAt` could not be stored */
  constructor (
    documents: mongodb.Collection<SessionDocument>,
    sessionDays: number,
    onFailedWrite: (error: unknown) => void
  ) {
    this.#documents = documents
    this.#onFailedWrite = onFailedWrite
    this.maxAgeMs = sessionDays * DAY_MS
    this.#idleMs = this.maxAgeMs / 2
  }

  /** Calls the listener at once whenever this process ends a session. */
  onEnd (listener: (ended: EndedSession) => void): void {
    this.#listeners.push(listener)
  }

  /** Opens a session and returns its token, which is not stored. */
  async create (user: string, userAgent: string): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const now = Date.now()
    const owner = new mongodb.ObjectId(user)
    await this.#documents.insertOne({
      _id: sessionId(token),
      user: owner,
      createdAt: new Date(now),
      lastSeenAt: new Date(now),
      expiresAt: new Date(now + this.maxAgeMs),
      userAgent: userAgent.slice(0, MAX_USER_AGENT)
    })
    await this.#deleteSurplus(user)
    return token
  }

  /**
   * The caller of an open session's token, if the cache knows it.
   * @param session the id of the token's session, where it was computed before
   */
  known (token: string, session = sessionId(token)): Caller | undefined {
    const cached = this.#cache.get(session)
    if (cached === undefined || cached === 'ended' || this.#isOver(cached)) return undefined
    this.#seen(session, cached)
    return { user: cached.user, session }
  }

  /** The caller of an open session's token; undefined if no such session is open. */
  async find (token: string): Promise<Caller | undefined> {
    if (!TOKEN.test(token)) return undefined
    const session = sessionId(token)
    const user = this.#cache.get(session) === 'ended' ? undefined : await this.#read(session)
    return user === undefined ? undefined : { user, session }
  }

  /**
   * Reads which of these sessions are open. That counts as a use of each. Sockets need it, because they
   * authenticate only once.
   */
  async openAmong (sessions: string[]): Promise<Set<string>> {
    const start = performance.now()
    const options = { batchSize: sessions.length + 1 }
    const found = await this.#documents.find({ _id: { $in: sessions } }, options).toArray()
    const open = found.filter(document => this.#take(document, start) !== undefined)
    return new Set(open.map(({ _id }) => _id))
  }

  /** A user's open sessions, the latest used first. */
  async list (user: string): Promise<SessionDocument[]> {
    const found = await this.#documents.find({ user: new mongodb.ObjectId(user) }).toArray()
    return found
      .filter(session => !this.#isOver({ lastSeenAt: +session.lastSeenAt, expiresAt: +session.expiresAt }))
      .sort((a, b) => +b.lastSeenAt - +a.lastSeenAt)
  }

  /** Ends one session of a user. Returns false if the user has no session with this id. */
  async end (user: string, session: string): Promise<boolean> {
    const found = await this.#documents.findOne({ _id: session, user: new mongodb.ObjectId(user) })
    if (found === null) return false
    await this.#delete(user, [session])
    return true
  }

  /** Ends all sessions of a user but one. */
  async endOthers (user: string, except = ''): Promise<void> {
    const filter = { user: new mongodb.ObjectId(user), _id: { $ne: except } }
    const found = await this.#documents.find(filter, { projection: { _id: 1 } }).toArray()
    await this.#delete(user, found.map(({ _id }) => _id))
  }

  /** Deletes expired sessions, which only take space. */
  async deleteExpired (): Promise<void> {
    await this.#documents.deleteMany({ expiresAt: { $lt: new Date() } })
  }

  async #deleteSurplus (user: string): Promise<void> {
    const own = { user: new mongodb.ObjectId(user) }
    const surplus = await this.#documents.find(own, { projection: { _id: 1 } })
      .sort({ createdAt: -1 })
      .skip(MAX_SESSIONS)
      .toArray()
    await this.#delete(user, surplus.map(({ _id }) => _id))
  }

  async #delete (user: string, sessions: string[]): Promise<void> {
    if (sessions.length === 0) return
    await this.#documents.deleteMany({ _id: { $in: sessions } })
    for (const session of sessions) {
      this.#cache.set(session, 'ended', { ttl: ENDED_MS })
      for (const listener of this.#listeners) listener({ user, session })
    }
  }

  /** Reads the user of an open session from the database into the cache. */
  async #read (session: string): Promise<string | undefined> {
    const start = performance.now()
    const found = await this.#documents.findOne({ _id: session })
    return found === null ? undefined : this.#take(found, start)
  }

  /**
   * Puts a session into the cache and returns its user, unless it has expired or ended.
   * @param start when the read began: the cache trusts the session for a second from then on
   */
  #take (found: SessionDocument, start: number): string | undefined {
    // This process may have ended it during the read.
    if (this.#cache.get(found._id) === 'ended') return undefined
    const { lastSeenAt, expiresAt } = found
    const read = { user: found.user.toHexString(), lastSeenAt: +lastSeenAt, expiresAt: +expiresAt }
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
    // A minute would be too coarse if sessions expire after minutes without use.
    if (now - cached.lastSeenAt < Math.min(SEEN_MS, this.#idleMs / 10)) return
    cached.lastSeenAt = now
    // Requests do not wait for this write. If it fails, the next request that reads the session writes again.
    this.#documents.updateOne({ _id: session }, { $set: { lastSeenAt: new Date(now) } })
      .catch(this.#onFailedWrite)
  }
}
