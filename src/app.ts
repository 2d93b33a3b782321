import autoload from '@fastify/autoload'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type, type TSchema } from '@sinclair/typebox'
import Fastify, {
  LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest,
  type onResponseHookHandler
} from 'fastify'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { Message } from 'chat-protocol/schemas'
import type { EmbeddedMongo } from 'embedded-mongo'
import { trustProxy, type Config } from './config.js'
import { startEmbedded } from './database/embedded.js'
import { audit } from './accounts/audit.js'
import { apiError } from './errors.js'
import { errorBody } from './http/error-body.js'
import { toApiError } from './thrown-errors.js'
import { acceptJsonOnly, answerExpectations, answerParserErrors } from './http/http.js'
import { loggerOptions } from './http/logger.js'
import { costOfBody } from './http/request-costs.js'
import { ErrorReply } from './http/schemas.js'
import { buildSerializer } from './http/serializers.js'
import { Conversation } from './chat/schemas/conversations.js'
import { SessionInfo, User } from './accounts/schemas.js'
import { compileQuery, compileStrict } from './validation.js'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    /** undefined where MONGODB_URL names a server */
    embeddedMongo: Promise<EmbeddedMongo> | undefined
  }
}

/** A Fastify instance whose routes are typed by their TypeBox schemas. */
export type App =
  FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** A request line and its headers must arrive within this time (slowloris). Node's own default is 60 s. */
const HEADERS_MS = 10_000
/** A whole request must arrive within this time. */
const REQUEST_MS = 30_000
/** Proxies drop idle connections after 60 s. This is a little longer, so that the proxy decides. */
const KEEP_ALIVE_MS = 65_000
/** A request that takes longer is logged: people notice a delay of a second. */
const SLOW_REQUEST_MS = 1_000
/** User ids, session ids and conversation ids are shorter. */
const MAX_PARAM_LENGTH = 100

/**
 * The serialiser has a validator of its own, which chooses the schema of a union and must know our formats.
 * It takes any text for them: requests were checked before, and what is stored must not become a 500.
 */
const SERIALIZER = { ajv: { formats: { text: true, emoji: true } } } as const

const NO_QUERY = Type.Object({}, { additionalProperties: false })

type ErrorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply

/** Makes the handler that answers every error in one shape. */
function errorHandler (production: boolean): ErrorHandler {
  return function answerError (error, request, reply) {
    const answer = toApiError(error)
    if (answer.kind === 'internal') request.log.error({ err: answer.cause ?? answer }, 'request failed')
    else request.log.debug({ err: answer }, 'request refused')
    // Attempts to access another user's data are audited (ASVS 5.0, 16.3.2).
    if (answer.kind === 'forbidden') audit(request, 'refused', request.caller?.user ?? null, answer.message)
    // A 401 names the scheme to use (RFC 9110, 15.5.2).
    if (answer.kind === 'unauthorized') reply.header('WWW-Authenticate', 'Bearer')
    if (answer.retryAfter !== undefined) reply.header('Retry-After', Math.ceil(answer.retryAfter))
    reply.code(answer.statusCode)
    reply.header('Cache-Control', 'no-store')
    reply.header('X-Content-Type-Options', 'nosniff')
    reply.type('application/json; charset=utf-8').serializer(JSON.stringify)
    return reply.send(errorBody(answer, !production))
  }
}

async function newFastify (config: Config, onError: ErrorHandler): Promise<App> {
  return Fastify({
    logger: await loggerOptions(config),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: trustProxy(config),
    bodyLimit: config.BODY_BYTES,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    serializerOpts: SERIALIZER,
    schemaController: { compilersFactory: { buildSerializer } },
    requestTimeout: REQUEST_MS,
    // Indexes of a large collection take their time; plugins that wait for a server bound that themselves.
    pluginTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: 1_000 },
    // plugins/security.ts refuses requests while closing: in the shape of every error, and upgrades so that
    // their connections end.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    frameworkErrors: onError,
    clientErrorHandler: answerParserErrors
  }).withTypeProvider<TypeBoxTypeProvider>()
}

/**
 * Makes a hook that writes one line for a request, without its query or ids: for each if LOG_REQUESTS is on,
 * else for slow ones. Fastify's own two lines are off.
 */
function requestLogger (logAll: boolean): onResponseHookHandler {
  return function logRequest (request, reply, done) {
    const isSlow = reply.elapsedTime >= SLOW_REQUEST_MS
    const { url, config } = request.routeOptions
    if ((logAll || isSlow) && config.probe !== true) {
      const ms = Math.round(reply.elapsedTime)
      const line = { method: request.method, route: url, status: reply.statusCode, ms }
      if (isSlow) request.log.warn(line, 'slow request')
      else request.log.info(line, 'request')
    }
    done()
  }
}

/**
 * Builds the application: configuration, then plugins/, then routes/. It does not listen.
 * @param embeddedMongo the embedded database, which may be starting already
 * @throws if a plugin cannot start, for example because the database does not answer
 */
export async function buildApp (config: Config, embeddedMongo = startEmbedded(config)): Promise<App> {
  const onError = errorHandler(config.NODE_ENV === 'production')
  const app = await newFastify(config, onError)

  app.decorate('config', config)
  app.decorate('embeddedMongo', embeddedMongo)
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) =>
    httpPart === 'querystring' ? compileQuery(schema) : compileStrict(schema))
  for (const schema of [ErrorReply, User, Message, Conversation, SessionInfo]) app.addSchema(schema)
  app.setErrorHandler(onError)
  app.addHook('onRoute', ({ schema }) => {
    // Routes without query parameters refuse unknown ones as well.
    if (schema?.operationId !== undefined) schema.querystring ??= NO_QUERY
  })
  app.addHook('onResponse', requestLogger(config.LOG_REQUESTS === 'on'))
  acceptJsonOnly(app, (request, bytes) => app.limits.work(request, costOfBody(bytes)))
  answerExpectations(app)

  if (import.meta.url.endsWith('.ts')) process.env.FASTIFY_AUTOLOAD_TYPESCRIPT = '1'
  await app.register(autoload, { dir: join(import.meta.dirname, '../plugins'), encapsulate: false })
  app.setNotFoundHandler((request) => {
    const [path] = request.url.split('?')
    throw apiError('notFound', `this server has no route ${request.method} ${path}`)
  })
  await app.register(autoload, { dir: join(import.meta.dirname, '../routes') })
  await app.ready()
  return app
}
