import fp from 'fastify-plugin'
import { Presence } from '../src/realtime/presence.js'

declare module 'fastify' {
  interface FastifyInstance {
    presence: Presence
  }
}

/** `fastify.presence`: who is online, across a person's devices, and who types. */
export default fp(async function presencePlugin (fastify) {
  const { blocks, bus, config, publisher, realtime, users, log } = fastify
  const presence = new Presence({
    bus,
    users,
    isConnected: user => realtime.socketsOf(user) > 0,
    connectedUsers: () => realtime.users,
    tellTyping: (...notice) => { publisher.typing(...notice) },
    hiddenFrom: async (user, others) => await blocks.between(user, others),
    graceMs: config.PRESENCE_GRACE_MS,
    typingMs: config.TYPING_MS,
    log
  })
  fastify.decorate('presence', presence)

  blocks.onChange((blocker, blocked) => {
    bus.publish('accounts', { type: 'block', blocker, blocked })
  })
  realtime.onClose(connection => presence.forget(connection))
  realtime.onPresence((user, online) => {
    if (online) presence.arrived(user)
    else if (!realtime.closing) presence.left(user)
  })
  fastify.addHook('preClose', async () => presence.clearTyping())
  fastify.addHook('onClose', async () => await presence.close())
}, { name: 'presence', dependencies: ['bus', 'chat', 'realtime', 'users'] })
