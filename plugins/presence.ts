import { mongodb } from '@fastify/mongodb'
import fp from 'fastify-plugin'
import { collection } from '../src/database/documents.js'
import type { Connection } from '../src/realtime/connection.js'
import { Typists } from '../src/realtime/typists.js'
import type { PresenceFrame } from 'chat-protocol'

export interface Presence {
  /** Replaces what a socket watches, and tells it of each user now; changes follow. */
  watch (connection: Connection, users: string[]): Promise<void>
  /** Tells `reciver` that the socket's user types, or stopped; it ends by itself after TYPING_MS, unless it is repeated: a lost `on: false` shows no longer than that. */
  typing (connection: Connection, reciver: string, on: boolean): void
  /** What is held in memory, for /metrics and for tests that nothing stays behind. */
  gauges (): { watched: number, leaving: number, typing: number }
}

declare module 'fastify' {
  interface FastifyInstance {
    presence: Presence
  }
}

/** A deleted account has no lastSeen. */
const NOT_DELETED = { deletedAt: { $exists: false } }

/** `fastify.presence`: who is online, across a person's devices, and who types. */
export default fp(async function presencePlugin (fastify) {
  const users = collection(fastify, 'users')
  const watchers = new Map<string, Set<Connection>>()
  const watchedBy = new Map<Connection, string[]>()
  /** users whose last socket went less than the grace time ago: still online for others */
  const leaving = new Map<string, NodeJS.Timeout>()
  const typists = new Typists(fastify.config.TYPING_MS, (receiver, user, on, exceptSocket) => {
    fastify.realtime.push(receiver, { type: 'typing', user, on }, exceptSocket)
  })

  const isOnline = (user: string) => fastify.realtime.socketsOf(user) > 0 || leaving.has(user)

  function tell (user: string, frame: PresenceFrame): void {
    for (const connection of watchers.get(user) ?? []) connection.send(frame)
  }

  /** Stored first, then told, so that whoever asks afterwards hears the same; until then the user may come back. */
  async function left (user: string): Promise<void> {
    const timer = leaving.get(user)
    const lastSeen = new Date()
    const stored = await users.updateOne({ _id: new mongodb.ObjectId(user), ...NOT_DELETED }, { $max: { lastSeenAt: lastSeen } })
      .catch(error => { fastify.log.warn({ err: error }, 'lastSeen was not stored') })
    if (leaving.get(user) !== timer) return
    leaving.delete(user)
    const deleted = stored?.matchedCount === 0
    tell(user, { type: 'presence', user, online: false, ...(deleted ? {} : { lastSeen: lastSeen.toISOString() }) })
  }

  function unwatch (connection: Connection): void {
    for (const user of watchedBy.get(connection) ?? []) {
      const connections = watchers.get(user)
      connections?.delete(connection)
      if (connections?.size === 0) watchers.delete(user)
    }
    watchedBy.delete(connection)
  }

  fastify.decorate('presence', {
    async watch (connection, list) {
      // Nothing would end the watch of a socket that has gone.
      if (connection.closed) return
      unwatch(connection)
      const watched = [...new Set(list)]
      watchedBy.set(connection, watched)
      for (const user of watched) watchers.set(user, (watchers.get(user) ?? new Set()).add(connection))
      const seen = await users.find({ _id: { $in: watched.map(id => new mongodb.ObjectId(id)) }, ...NOT_DELETED }, { projection: { lastSeenAt: 1 } }).toArray()
      const lastSeen = new Map(seen.map(({ _id, lastSeenAt }) => [_id.toHexString(), lastSeenAt]))
      for (const user of watched) {
        const online = isOnline(user)
        const last = lastSeen.get(user)
        connection.send({ type: 'presence', user, online, ...(online || last === undefined ? {} : { lastSeen: last.toISOString() }) })
      }
    },

    typing (connection, reciver, on) {
      if (on) typists.start(connection, reciver)
      else typists.stop(connection, reciver)
    },

    gauges: () => ({ watched: watchers.size, leaving: leaving.size, typing: typists.size })
  })

  fastify.realtime.onClose(connection => {
    unwatch(connection)
    typists.stopAll(connection)
  })

  fastify.realtime.onPresence((user, online) => {
    const timer = leaving.get(user)
    if (online) {
      clearTimeout(timer)
      // Back within the grace time: nobody was told that it left.
      if (!leaving.delete(user)) tell(user, { type: 'presence', user, online: true })
    } else if (!fastify.realtime.closing) {
      leaving.set(user, setTimeout(left, fastify.config.PRESENCE_GRACE_MS, user))
    }
  })

  fastify.addHook('preClose', async () => {
    typists.clear()
  })
  fastify.addHook('onClose', async () => {
    for (const timer of leaving.values()) clearTimeout(timer)
    const ids = [...leaving.keys()].map(id => new mongodb.ObjectId(id))
    leaving.clear()
    if (ids.length > 0) await users.updateMany({ _id: { $in: ids }, ...NOT_DELETED }, { $max: { lastSeenAt: new Date() } })
  })
}, { name: 'presence', dependencies: ['realtime'] })
