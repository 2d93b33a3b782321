import autoload from '@fastify/autoload'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { Message } from 'chat-protocol/schemas'
import { trustProxy, type Config } from './config.js'
import { audit } from './accounts/credentials.js'
import { apiError, errorBody, toApiError } from './http/errors.js'
import { acceptJsonOnly, answerExpectations, answerParserErrors } from './http/http.js'
import { loggerOptions } from './http/logger.js'
import { costOfBody } from './http/request-costs.js'
import { ErrorReply } from './http/schemas.js'
import { Conversation } from './chat/schemas/conversations.js'
import { SessionInfo, User } from './accounts/schemas.js'
import { validatorCompiler } from './http/validation.js'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
  }
}

/** A Fastify instance whose routes are typed by their TypeBox schemas. */
export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** A request line and its headers must arrive within this time (slowloris): Node's own default is 60 s. */
const HEADERS_MS = 10_000
/** A whole request must arrive within this time. */
const REQUEST_MS = 30_000
/** Idle connections are kept a little longer than the 60 s after which proxies drop theirs, so that the proxy decides. */
const KEEP_ALIVE_MS = 65_000

const NO_QUERY = Type.Object({}, { additionalProperties: false })

/**
 * Builds the application: configuration, then plugins/, then routes/. It does not listen.
 * @throws where a plugin cannot start, such as a database that is not there
 */
export async function buildApp (config: Config): Promise<App> {
  const production = config.NODE_ENV === 'production'

  function errorHandler (error: unknown, request: FastifyRequest, reply: FastifyReply) {
    const answer = toApiError(error)
    if (answer.kind === 'internal') request.log.error({ err: answer.cause ?? answer }, 'request failed')
    else request.log.debug({ err: answer }, 'request refused')
    // ASVS 5.0, 16.3.2: who reaches for what is somebody else's stands in the log.
    if (answer.kind === 'forbidden') audit(request, 'refused', request.caller?.user ?? null, answer.message)
    // RFC 9110, 15.5.2: a 401 names the scheme to use.
    if (answer.kind === 'unauthorized') reply.header('WWW-Authenticate', 'Bearer')
    if (answer.retryAfter !== undefined) reply.header('Retry-After', Math.ceil(answer.retryAfter))
    reply.code(answer.statusCode).header('Cache-Control', 'no-store').header('X-Content-Type-Options', 'nosniff')
    return reply.type('application/json; charset=utf-8').serializer(JSON.stringify).send(errorBody(answer, !production))
  }

  const app: App = Fastify({
    logger: await loggerOptions(config),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: trustProxy(config),
    bodyLimit: config.BODY_BYTES,
    // User ids, session ids and conversation ids; longer parameters are nobody's.
    routerOptions: { maxParamLength: 100 },
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: 1_000 },
    // plugins/security.ts refuses requests while closing: in the one error shape, and upgrades so that their connections end.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    frameworkErrors: errorHandler,
    clientErrorHandler: answerParserErrors
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.decorate('config', config)
  app.setValidatorCompiler(validatorCompiler)
  for (const schema of [ErrorReply, User, Message, Conversation, SessionInfo]) app.addSchema(schema)
  app.setErrorHandler(errorHandler)
  app.addHook('onRoute', ({ schema }) => {
    // Unknown query parameters are refused everywhere, also where there are no known ones.
    if (schema?.operationId !== undefined) schema.querystring ??= NO_QUERY
  })
  app.addHook('onResponse', async (request, reply) => {
    // One line a request, without its query or ids; Fastify's own two lines are off.
    const { url, config } = request.routeOptions
    if (config.probe !== true) request.log.info({ method: request.method, route: url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request')
  })
  acceptJsonOnly(app, (request, bytes) => { app.limits.work(request, costOfBody(bytes)) })
  answerExpectations(app)

  if (import.meta.url.endsWith('.ts')) process.env.FASTIFY_AUTOLOAD_TYPESCRIPT = '1'
  await app.register(autoload, { dir: join(import.meta.dirname, '../plugins'), encapsulate: false })
  app.setNotFoundHandler((request) => {
    throw apiError('notFound', `${request.method} ${request.url.split('?')[0]} is no route of this server`)
  })
  await app.register(autoload, { dir: join(import.meta.dirname, '../routes') })
  await app.ready()
  return app
}
