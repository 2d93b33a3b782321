import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
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
   * Reads a list of up to LIST_BYTES for a request, when it is the caller's turn and the caller may hold its
   * answer.
   * @throws ApiError `tooManyRequests` if the caller holds too many unread answers, `unavailable` if the
   *   server does
   */
  list<T> (request: FastifyRequest, read: () => Promise<T>): Promise<T>
  /** The memory that is held, for /metrics and for tests. */
  gauges (): { bytes: number }
}

declare module 'fastify' {
  interface FastifyInstance {
    answers: Answers
  }
  interface FastifyRequest {
    /** what this request holds in memory; null before the hooks of this plugin */
    charge: Charge | null
  }
}

/**
 * Memory of Node and Fastify for a request besides its body and its answer: about 4 KiB with usual headers.
 */
const REQUEST_BYTES = 4 * 1024
/** An answer from a file holds one buffer at a time (Node's default for file streams). */
const STREAM_BYTES = 64 * 1024
/** Unanswered requests of one connection. Browsers and proxies send one at a time, load programs about 16. */
const MAX_PIPELINED = 100
/**
 * Lists that are read at the same time. Each holds up to LIST_BYTES, and about as much again while it comes
 * from the database. One thread works on all of them, so more would only wait for each other.
 */
const LIST_PLACES = 4
/** A list that waits for longer gets 503: its client has probably given up. */
const LIST_WAIT_MS = 10_000
/** Waiting lists of one account, which may ask for 150 in a burst (HTTP_RATE). */
const LISTS_WAITING_PER_USER = 150
/** Seconds after which a reading client has taken some of its answers. */
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

type Begin = (request: FastifyRequest, bytes: number) => Charge

/** Bytes of the body that a request announces. Without a length it may be as large as the limit. */
function bodyBytes ({ headers }: FastifyRequest, limit: number): number {
  if (headers['transfer-encoding'] !== undefined) return limit
  return Math.min(Number(headers['content-length'] ?? 0), limit)
}

function payloadBytes (payload: unknown): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload)
  if (payload instanceof Uint8Array) return payload.length
  return payload === null || payload === undefined ? 0 : STREAM_BYTES
}

/** Answers of probes are not refused: after a failed probe the process would be replaced. */
const isProbe = (request: FastifyRequest): boolean => request.routeOptions.config.probe === true

/** Finds the accounting of a socket's connection, or makes one. */
function connectionsOf (answers: UnreadAnswers): (socket: Socket) => AnswerConnection {
  const connections = new WeakMap<Socket, AnswerConnection>()
  return socket => {
    const known = connections.get(socket)
    if (known !== undefined) return known
    const connection = answers.connection(socket)
    connections.set(socket, connection)
    socket.once('close', () => answers.close(connection))
    return connection
  }
}

/** Counts each request from its beginning, and refuses those that exceed a bound already. */
function countRequests (fastify: FastifyInstance, answers: UnreadAnswers, begin: Begin): void {
  const { BODY_BYTES } = fastify.config

  function excessOf (request: FastifyRequest, charge: Charge): Error | undefined {
    const scope = isProbe(request) ? undefined : answers.excess(charge)
    return scope === undefined ? undefined : refusal(scope)
  }

  fastify.addHook('onRequest', function admit (request, _reply, done) {
    // Sockets have their own bounds.
    if (request.ws) {
      done()
      return
    }
    const charge = begin(request, REQUEST_BYTES + bodyBytes(request, BODY_BYTES))
    if (charge.connection.charges.size > MAX_PIPELINED) request.raw.socket.destroy()
    done(excessOf(request, charge))
  })

  // After all onRequest hooks the caller is known, and the body has not been read yet.
  fastify.addHook('preParsing', function admitUser (request, _reply, payload, done) {
    const { charge, caller } = request
    if (charge === null || caller === undefined) {
      done(null, payload)
      return
    }
    answers.identify(charge, caller.user)
    done(excessOf(request, charge) ?? null, payload)
  })
}

/** Counts each answer until the system took it. */
function countAnswers (fastify: FastifyInstance, answers: UnreadAnswers, begin: Begin): void {
  const { ANSWER_TIMEOUT_MS } = fastify.config

  /**
   * A change was made, so it has to be reported. What was only read can be read again, so it may be refused.
   */
  function excessOf (
    request: FastifyRequest, status: number, charge: Charge, more: number
  ): Scope | undefined {
    const mayRefuse = status < 400 && isSafe(request) && !isProbe(request) && more > 0
    return mayRefuse ? answers.excess(charge, more) : undefined
  }

  fastify.addHook('onSend', function account (request, reply, payload, done) {
    if (request.ws) {
      done(null, payload)
      return
    }
    const charge = request.charge ?? begin(request, REQUEST_BYTES)
    const bytes = REQUEST_BYTES + payloadBytes(payload)
    const scope = excessOf(request, reply.statusCode, charge, bytes - charge.bytes)
    fastify.limits.work(request, costOfAnswer(bytes))
    if (scope !== undefined) {
      done(refusal(scope))
      return
    }
    answers.answer(charge, bytes)
    const { socket } = request.raw
    if (answers.isFarOver(charge)) socket.destroy()
    // Node restarts this timer whenever bytes are taken, and sets its own timer for idle connections after
    // the last answer. Requests of app.inject() have no such socket.
    if (typeof socket.setTimeout === 'function') socket.setTimeout(ANSWER_TIMEOUT_MS)
    done(null, payload)
  })

  fastify.addHook('onResponse', function taken (request, _reply, done) {
    if (request.charge !== null) answers.release(request.charge)
    done()
  })
}

/** Makes `fastify.answers.list`. */
function listReader (fastify: FastifyInstance, answers: UnreadAnswers): Answers['list'] {
  const lists = new FairSemaphore({
    places: LIST_PLACES,
    maxWaitMs: LIST_WAIT_MS,
    maxWaitingPerKey: LISTS_WAITING_PER_USER,
    refusal: () => apiError('unavailable', 'too many lists are being read', '', { retryAfter: RETRY_SECONDS })
  })
  return async function list (request, read) {
    const charge = request.charge!
    return await lists.run(request.caller.user, async () => {
      if (charge.connection.closed) throw apiError('requestTimeout', 'the client has gone')
      // Answers made since the request was admitted may have used up the allowance of its caller.
      fastify.limits.solvent(request)
      // No memory is reserved, because a few small lists at a time would use up the bound. The hook onSend
      // checks again.
      const scope = answers.ownExcess(charge, LIST_BYTES)
      if (scope !== undefined) throw refusal(scope)
      return await read()
    })
  }
}

/**
 * `fastify.answers`: bounds the memory that the server holds for clients that do not read (docs/security.md,
 * "What is bounded by what"). Every request is counted from its beginning until the system took its answer.
 */
export default fp(async function answersPlugin (fastify) {
  const { config } = fastify
  const answers = new UnreadAnswers({
    connection: config.ANSWER_BYTES_PER_CONNECTION,
    user: config.ANSWER_BYTES_PER_USER,
    address: config.ANSWER_BYTES_PER_ADDRESS,
    all: config.ANSWER_BYTES
  })
  const connectionOf = connectionsOf(answers)
  const begin: Begin = (request, bytes) => {
    const address = fastifyRateLimit.normalizeIP(request.ip)
    request.charge = answers.begin(connectionOf(request.raw.socket), address, bytes)
    return request.charge
  }

  fastify.decorateRequest('charge', null)
  countRequests(fastify, answers, begin)
  countAnswers(fastify, answers, begin)
  fastify.decorate('answers', {
    list: listReader(fastify, answers),
    gauges: () => ({ bytes: answers.bytes })
  })
}, { name: 'answers', dependencies: ['websocket', 'rate-limits'] })
