import { setTimeout as delay } from 'node:timers/promises'
import type { BaseLogger } from 'pino'
import { CLOSE } from 'chat-protocol'
import type { Connection } from './connection.js'
import { BEHIND_MS } from './beginnings.js'
import type { Sockets } from './sockets.js'

export interface HeartbeatOptions {
  sockets: Sockets
  heartbeatMs: number
  pongMs: number
  /** Returns those of these sessions that are still open. */
  openAmong: (sessions: string[]) => Promise<Set<string>>
  /**
   * The conversations of these users in which something was stored since a time, with their last revs.
   * Undefined where only this process writes: it knows what was stored.
   */
  storedSince: ((users: string[], since: Date) => Promise<{ _id: string, lastRev: number }[]>) | undefined
  /** Tells the sockets of a conversation's members that this number is stored. */
  raise: (conversation: string, rev: number) => void
  log: Pick<BaseLogger, 'warn'>
}

/** Looks at the sockets so many times within the shorter of heartbeatMs and pongMs. */
const TICKS = 5
/** Sockets of one comparison where all are compared, and the longest pause between two, in milliseconds. */
const BATCH = 500
const PAUSE_MS = 50

/**
 * Pings the sockets, cuts off those that do not answer, closes those whose session ended elsewhere or ran
 * out, and pushes what other processes stored.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  readonly #timer: NodeJS.Timeout
  #failedAt = -Infinity

  constructor (options: HeartbeatOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#tick(), Math.min(options.heartbeatMs, options.pongMs) / TICKS)
  }

  /**
   * The first ping comes after a random part of the time, so that sockets that came together do not stay
   * together.
   */
  join (connection: Connection): void {
    connection.pingAt = Date.now() + this.#options.heartbeatMs * Math.random()
  }

  /** Compares all sockets with the database now, because publications may have been lost. */
  compareNow (): void {
    this.#attempt(async () => {
      const connections = [...this.#options.sockets.all()]
      for (let at = 0; at < connections.length; at += BATCH) {
        // All processes doubt at the same time, but the database need not answer them at once.
        if (at > 0) await delay(Math.random() * PAUSE_MS)
        const batch = connections.slice(at, at + BATCH).filter(({ closed }) => !closed)
        await this.#endSessions(batch)
        await this.#compare(batch, Date.now())
      }
    })
  }

  stop (): void { clearInterval(this.#timer) }

  #tick (): void {
    const now = Date.now()
    const due = this.#ping(now)
    if (due.length === 0) return
    this.#attempt(async () => {
      await this.#endSessions(due)
      await this.#compare(due, now)
    })
  }

  /** Does work that is done again with the next heartbeat, if it fails. */
  #attempt (work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      this.#failedAt = Date.now()
      this.#options.log.warn({ err: error }, 'heartbeat: sessions and conversations could not be checked')
    })
  }

  /** Cuts off sockets that did not answer in time, and pings those that are due. */
  #ping (now: number): Connection[] {
    const { sockets, heartbeatMs, pongMs } = this.#options
    const due: Connection[] = []
    for (const connection of sockets.all()) {
      if (now >= connection.pongBy) connection.ws.terminate()
      else if (now >= connection.pingAt) {
        due.push(connection)
        connection.pingAt = now + heartbeatMs
        connection.ping(now + pongMs)
      }
    }
    return due
  }

  /** Closes the sockets whose sessions ended elsewhere, or ran out. */
  async #endSessions (due: Connection[]): Promise<void> {
    const openSessions = await this.#options.openAmong([...new Set(due.map(({ session }) => session))])
    for (const connection of due) {
      if (!openSessions.has(connection.session)) connection.close(CLOSE.sessionEnded, 'the session has ended')
    }
  }

  /**
   * Pushes what was stored since the last successful comparison but not published here: by another process,
   * or by a write whose outcome came too late.
   */
  async #compare (due: Connection[], now: number): Promise<void> {
    const { raise, storedSince } = this.#options
    if (storedSince === undefined) return
    const users = [...new Set(due.map(({ user }) => user))]
    const since = due.reduce((earliest, { comparedAt }) => Math.min(earliest, comparedAt), now) - BEHIND_MS
    for (const { _id: conversation, lastRev } of await storedSince(users, new Date(since))) {
      if (lastRev === 0) continue
      raise(conversation, lastRev)
    }
    // After a failure the other processes may be behind with their summaries for a while: those that they
    // write then have old times.
    if (now - this.#failedAt < BEHIND_MS) return
    for (const connection of due) connection.comparedAt = now
  }
}
