/**
 * How Fastify reads bodies, and what is answered where Node's HTTP parser refuses a request before it exists.
 */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { apiError, type ErrorKind } from '../errors.js'
import { errorBody } from './error-body.js'

/** Nothing in this API nests deeper than 2 levels; parsers need a limit (OWASP). */
const MAX_DEPTH = 32

function isDeeper (value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(inner => isDeeper(inner, levels - 1))
}

/**
 * Reads bodies as JSON only. An empty body counts as none, whatever its type. Any other body is answered 415.
 * @param count is called with the length of each body before it is parsed
 */
export function acceptJsonOnly (
  app: FastifyInstance,
  count: (request: FastifyRequest, bytes: number) => void
): void {
  // The original API documents a GET with a body (getallmessages). RFC 9110, 9.3.1 leaves its meaning to the
  // server.
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true })
  app.removeAllContentTypeParsers()
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') {
      done(null, null)
      return
    }
    count(request, Buffer.byteLength(body))
    parseJson(request, body, (error, value) => {
      const tooDeep = error === null && isDeeper(value, MAX_DEPTH)
      if (tooDeep) done(apiError('validation', `the body nests deeper than ${MAX_DEPTH} levels`))
      else done(error, value)
    })
  })
  app.addContentTypeParser('*', (request, _payload, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    const isEmpty = encoding === undefined && (length === undefined || length === '0')
    if (isEmpty) done(null, null)
    else done(apiError('unsupportedMediaType', 'send the body as application/json'))
  })
}

/**
 * Refuses every `Expect` but 100-continue before routing. Node answers 100-continue itself
 * (RFC 9110, 10.1.1).
 */
export function answerExpectations (app: FastifyInstance): void {
  app.server.on('checkExpectation', (_request, response) => {
    const { head, body } = parserAnswer('expectationFailed', 'only Expect: 100-continue is understood')
    response.writeHead(head.status, head.headers).end(body)
  })
}

const KIND_OF_PARSER_ERROR: Record<string, ErrorKind> = {
  HPE_HEADER_OVERFLOW: 'headersTooLarge',
  ERR_HTTP_REQUEST_TIMEOUT: 'requestTimeout',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payloadTooLarge'
}

/**
 * Whether an answer has begun on a socket; `_httpMessage` is Node's, as its own handler of clientError uses
 * it.
 */
function isAnswering (socket: Socket & { _httpMessage?: { _header: unknown } }): boolean {
  return socket._httpMessage?._header != null
}

/**
 * Answers what Node's HTTP parser refused, in the shape of every error. Neither request nor reply exist yet.
 */
export function answerParserErrors (error: Error & { code?: string }, socket: Socket): void {
  // The peer has gone, or an answer has begun: no other one can be sent.
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy()
    return
  }
  const { code = 'unknown' } = error
  const kind = KIND_OF_PARSER_ERROR[code] ?? 'validation'
  const { head, body } = parserAnswer(kind, `the request is not valid HTTP (${code})`)
  const headers = Object.entries(head.headers).map(([name, value]) => `${name}: ${value}`)
  socket.end([`HTTP/1.1 ${head.status} ${STATUS_CODES[head.status]}`, ...headers, '', body].join('\r\n'))
}

/** An error answer made without Fastify's reply. */
function parserAnswer (kind: ErrorKind, detail: string) {
  const answer = apiError(kind, detail)
  const body = JSON.stringify(errorBody(answer, false))
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close'
  }
  return { head: { status: answer.statusCode, headers }, body }
}
