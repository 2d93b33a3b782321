/**
 * The driver that @fastify/mongodb uses. Everything else imports it from here: with a second copy of the
 * package, `instanceof` would fail.
 */
export { mongodb } from '@fastify/mongodb'
