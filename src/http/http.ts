/** What Fastify has to be told about bodies, and about what Node's HTTP parser refuses before there is a request. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { apiError, errorBody, type ErrorKind } from './errors.js'

/** Nothing in this API nests deeper than 2; beyond this nobody tries to use it (OWASP: limits on parsers). */
const MAX_DEPTH = 32

function isDeeper (value: unknown, levels: number): boolean {
  return typeof value === 'object' && value !== null && (levels === 0 || Object.values(value).some(inner => isDeeper(inner, levels - 1)))
}

/**
 * Only JSON is read; an empty body counts as none, whatever its type; anything else with a body is 415.
 * @param count is told the length of each body before it is parsed
 */
export function acceptJsonOnly (app: FastifyInstance, count: (request: FastifyRequest, bytes: number) => void): void {
  // The original documents a GET with a body (getallmessages); RFC 9110, 9.3.1 leaves its meaning to the server.
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true })
  app.removeAllContentTypeParsers()
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') {
      done(null, null)
      return
    }
    count(request, Buffer.byteLength(body as string))
    parseJson(request, body as string, (error, value) => {
      if (error === null && isDeeper(value, MAX_DEPTH)) done(apiError('validation', `the body nests deeper than ${MAX_DEPTH} levels`))
      else done(error, value)
    })
  })
  app.addContentTypeParser('*', (request, _payload, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    if (encoding === undefined && (length === undefined || length === '0')) done(null, null)
    else done(apiError('unsupportedMediaType', 'send the body as application/json'))
  })
}

/** `Expect` may only ask for 100-continue, which Node answers by itself (RFC 9110, 10.1.1); anything else is refused before routing. */
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

/** Answers what Node's HTTP parser refused, in the one error shape; there is no request and no reply yet. */
export function answerParserErrors (error: Error & { code?: string }, socket: Socket): void {
  // The peer is gone, or an answer is under way already: nothing can be said.
  if (error.code === 'ECONNRESET' || !socket.writable || (socket as Socket & { _httpMessage?: { _header: unknown } })._httpMessage?._header != null) {
    socket.destroy()
    return
  }
  const { head, body } = parserAnswer(KIND_OF_PARSER_ERROR[error.code ?? ''] ?? 'validation', `the request is no valid HTTP (${error.code ?? 'unknown'})`)
  const headers = Object.entries(head.headers).map(([name, value]) => `${name}: ${value}`)
  socket.end([`HTTP/1.1 ${head.status} ${STATUS_CODES[head.status]}`, ...headers, '', body].join('\r\n'))
}

/** An answer in the one error shape where there is no reply of Fastify's. */
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
