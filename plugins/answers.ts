import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Socket } from 'node:net'
import { apiError } from '../src/errors.js'
import { FairSemaphore } from '../src/concurrency/fair-semaphore.js'
import { isSafe } from '../src/http/origin.js'
import { costOfAnswer } from '../src/http/request-costs.js'
import { LIST_BYTES } from '../src/lists.js'
import { UnreadAnswers, type AnswerConnection, type Charge, type Scope } from '../src/http/unread-answers.js'

export interface Answers {
  /**
   * Reads a list of up to LIST_BYTES for its request, when the caller's turn has come and its answer may be
   * held.
   * @throws `tooManyRequests` where the caller holds too many unread answers, `unavailable` where all do
   */
  list<T> (request: FastifyRequest, read: () => Promise<T>): Promise<T>
  /** What is held in memory, for /metrics and for tests that nothing stays behind. */
  gauges (): { bytes: number }
}

declare module 'fastify' {
  interface FastifyInstance {
    answers: Answers
  }
  interface FastifyRequest {
    /** what this request holds in memory; null where it came to no hook */
    charge: Charge | null
  }
}

/**
 * What Node and Fastify keep for a request besides its body and its answer: about 4 KiB with usual headers.
 */
const REQUEST_BYTES = 4 * 1024
/** An answer from a file holds as much at a time (the buffer of a stream of files, Node's default). */
const STREAM_BYTES = 64 * 1024
/**
 * Requests of a connection without a taken answer. Browsers and proxies send one at a time, load programs
 * some 16.
 */
const MAX_PIPELINED = 100
/**
 * Lists that are read at a time. Each holds up to LIST_BYTES, and about as much again while it comes from the
 * database; one thread works on all of them, so more would only wait for each other.
 */
const LIST_PLACES = 4
/** A list that waits for longer gets 503: the client has most likely given up. */
const LIST_WAIT_MS = 10_000
/** Lists of one account that wait; an account may ask for 150 in a burst (HTTP_RATE). */
const LISTS_WAITING_PER_USER = 150
/** Seconds after which a client that reads has taken some of its answers. */
const RETRY_SECONDS = 2

const TEXT_OF: Record<Scope, string> = {
  connection: 'this connection has too many unread answers: read them first',
  user: 'this account has too many unread answers: read them first',
  address: 'this address has too many unread answers: read them first',
  all: 'too many answers wait to be read'
}

function refusal (scope: Scope) {
  const kind = scope === 'all' ? 'unavailable' : 'tooManyRequests'
  return apiError(kind, TEXT_OF[scope], '', { retryAfter: RETRY_SECONDS })
}

/** The body that a request announces; without a length it may be as large as any. */
function bodyBytes ({ headers }: FastifyRequest, limit: number): number {
  if (headers['transfer-encoding'] !== undefined) return limit
  return Math.min(Number(headers['content-length'] ?? 0), limit)
}

function payloadBytes (payload: unknown): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload)
  if (payload instanceof Uint8Array) return payload.length
  return payload === null || payload === undefined ? 0 : STREAM_BYTES
}

/**
 * `fastify.answers`: bounds what the server holds in memory for clients that do not read (docs/security.md,
 * "What is bounded by what"). Every request is counted from its beginning until its answer was handed to
 * the system.
 */
export default fp(async function answersPlugin (fastify) {
  const { config } = fastify
  const answers = new UnreadAnswers({
    connection: config.ANSWER_BYTES_PER_CONNECTION,
    user: config.ANSWER_BYTES_PER_USER,
    address: config.ANSWER_BYTES_PER_ADDRESS,
    all: config.ANSWER_BYTES
  })
  const connections = new WeakMap<Socket, AnswerConnection>()
  const lists = new FairSemaphore({
    places: LIST_PLACES,
    maxWaitMs: LIST_WAIT_MS,
    maxWaitingPerKey: LISTS_WAITING_PER_USER,
    refusal: () => apiError('unavailable', 'too many lists are being read', '', { retryAfter: RETRY_SECONDS })
  })

  function connectionOf (socket: Socket): AnswerConnection {
    const known = connections.get(socket)
    if (known !== undefined) return known
    const connection = answers.connection(socket)
    connections.set(socket, connection)
    socket.once('close', () => { answers.close(connection) })
    return connection
  }

  function begin (request: FastifyRequest, bytes: number): Charge {
    const address = fastifyRateLimit.normalizeIP(request.ip)
    request.charge = answers.begin(connectionOf(request.raw.socket), address, bytes)
    return request.charge
  }

  /**
   * The error of a request that exceeds a bound already. Probes are answered: a failed one has the process
   * replaced.
   */
  function excessOf (request: FastifyRequest, charge: Charge) {
    if (request.routeOptions.config.probe === true) return undefined
    const scope = answers.excess(charge)
    return scope === undefined ? undefined : refusal(scope)
  }

  fastify.decorateRequest('charge', null)

  fastify.addHook('onRequest', function admit (request, _reply, done) {
    // Sockets have bounds of their own.
    if (request.ws) {
      done()
      return
    }
    const charge = begin(request, REQUEST_BYTES + bodyBytes(request, config.BODY_BYTES))
    if (charge.connection.charges.size > MAX_PIPELINED) request.raw.socket.destroy()
    done(excessOf(request, charge))
  })

  // Who sends it is known after all onRequest hooks; its body was not read yet.
  fastify.addHook('preParsing', function admitUser (request, _reply, payload, done) {
    const { charge, caller } = request
    if (charge === null || caller === undefined) {
      done(null, payload)
      return
    }
    answers.identify(charge, caller.user)
    done(excessOf(request, charge) ?? null, payload)
  })

  fastify.addHook('onSend', function account (request, reply: FastifyReply, payload, done) {
    if (request.ws) {
      done(null, payload)
      return
    }
    const charge = request.charge ?? begin(request, REQUEST_BYTES)
    const bytes = REQUEST_BYTES + payloadBytes(payload)
    // What was done has to be told; what was only read can be read again.
    const isProbe = request.routeOptions.config.probe === true
    if (reply.statusCode < 400 && isSafe(request) && !isProbe && bytes > charge.bytes) {
      const scope = answers.excess(charge, bytes - charge.bytes)
      if (scope !== undefined) {
        fastify.limits.work(request, costOfAnswer(bytes))
        done(refusal(scope))
        return
      }
    }
    answers.answer(charge, bytes)
    fastify.limits.work(request, costOfAnswer(bytes))
    const { socket } = request.raw
    if (answers.isFarOver(charge)) socket.destroy()
    // Node restarts this clock whenever bytes are taken, and sets its own one for idle connections once all
    // are. The requests of app.inject() have no such socket.
    if (typeof socket.setTimeout === 'function') socket.setTimeout(config.ANSWER_TIMEOUT_MS)
    done(null, payload)
  })

  fastify.addHook('onResponse', function taken (request, _reply, done) {
    if (request.charge !== null) answers.release(request.charge)
    done()
  })

  fastify.decorate('answers', {
    async list (request, read) {
      const charge = request.charge!
      return await lists.run(request.caller.user, async () => {
        if (charge.connection.closed) throw apiError('requestTimeout', 'the client has gone')
        // Answers that came after the request was let through may have used up what its caller has.
        fastify.limits.solvent(request)
        // Nothing is set aside, or a few small lists at a time would use up the bound; `account` looks again.
        const scope = answers.ownExcess(charge, LIST_BYTES)
        if (scope !== undefined) throw refusal(scope)
        return await read()
      })
    },
    gauges: () => ({ bytes: answers.bytes })
  })
}, { name: 'answers', dependencies: ['websocket', 'rate-limits'] })
