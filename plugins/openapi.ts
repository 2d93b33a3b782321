import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { TSchema } from '@sinclair/typebox'
import fp from 'fastify-plugin'
import type { OpenAPIV3_1 as OpenAPI } from 'openapi-types'
import { exampleOf, published } from '../src/api-docs/published.js'

const DESCRIPTION = `Everything that the server does over HTTP. Messages arrive in real time over the WebSocket protocol \`chat.v1\`:
[readable](/docs/realtime), or as [AsyncAPI](/docs/asyncapi.json).

**Start**: \`POST /api/v1/user/register\`, or \`/login\`. Both set an \`HttpOnly\` cookie, so that browsers and Postman need nothing else, and
answer with a \`token\` for everything else: \`Authorization: Bearer TOKEN\`. A wrong Bearer never falls back to the cookie. With the cookie,
requests that change something are refused (403) from pages of other origins.

**Ids** in paths and bodies are mostly your own: \`data._id\` of those two answers. The ids of the examples stand for them.

**Errors** have one shape, \`ErrorReply\`, whatever failed. Bodies are never coerced; unknown properties of a body are ignored, unknown
query parameters are refused.`

const TAGS = [
  { name: 'users', description: 'Accounts, sessions and avatars' },
  { name: 'messages', description: 'Sending and reading: each conversation is a log numbered 1, 2, 3 … without a gap' },
  { name: 'conversations', description: 'The inbox, and what was read' },
  { name: 'operation', description: 'For load balancers and monitoring' }
]

/**
 * The page runs the scripts and styles of this server and nothing else; small pictures stand inside its style sheet.
 * Tried in Chromium: nothing of Swagger UI 5 is refused by it.
 */
const PAGE_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'"
}

const HEADERS: Record<string, OpenAPI.HeaderObject> = {
  'Retry-After': { description: 'seconds until a repeat makes sense (RFC 9110, 10.2.3)', schema: { type: 'integer', minimum: 0 } },
  'WWW-Authenticate': { description: 'the scheme that is asked for (RFC 9110, 11.6.1)', schema: { type: 'string' } }
}
const HEADERS_OF_STATUS: Record<string, string> = { 401: 'WWW-Authenticate', 429: 'Retry-After', 503: 'Retry-After' }

const componentRef = (id: string) => `#/components/schemas/${id}`

/** Runs in the page: browsers cannot send a GET with a body (Fetch, 5.3), for which the query does the same. */
const dropBodyOfGet = (request: { method?: string, body?: unknown }) => {
  if (request.method === 'GET') delete request.body
  return request
}

/** OpenAPI from the schemas of all routes: /docs to read and try, /docs/json for machines. */
export default fp(async function openapiPlugin (fastify) {
  await fastify.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      // The version of the contract, which is not that of the package.
      info: { title: 'Chat App Server', version: '1.0.0', description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '/', description: 'this server' }],
      tags: TAGS,
      security: [{ bearer: [] }, { cookie: [] }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'the `token` of register or login: 256 random bits, base64url' },
          cookie: { type: 'apiKey', in: 'cookie', name: 'session', description: 'set by register and login; `__Host-session` behind TLS' }
        }
      }
    },
    convertConstToEnum: false,
    refResolver: { buildLocalReference: (json) => String(json.$id) },
    transform: ({ schema, url, route }) => {
      // A route without an operationId is no operation: the socket's, which AsyncAPI describes, and pages.
      if (schema?.operationId === undefined) {
        if (url.startsWith('/api/')) throw new Error(`${url} has no operationId: it would be missing from the document`)
        return { schema: { hide: true }, url }
      }
      return { schema: route.config?.public === true ? { ...schema, security: [] } : schema, url }
    },
    transformObject: (document) => 'openapiObject' in document ? finished(document.openapiObject as OpenAPI.Document) : document.swaggerObject
  })

  await fastify.register(async function pages (scope) {
    scope.addHook('onRoute', route => { route.config = { ...route.config, public: true } })
    await scope.register(fastifySwaggerUi, {
      routePrefix: '/docs',
      staticCSP: PAGE_POLICY,
      theme: { title: 'Chat App Server: API' },
      uiConfig: { layout: 'BaseLayout', requestInterceptor: dropBodyOfGet }
    })
  })
}, { name: 'openapi' })

/** What @fastify/swagger cannot know of the operations. */
function finished (document: OpenAPI.Document): OpenAPI.Document {
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(path as Record<string, OpenAPI.OperationObject>)) finish(operation)
  }
  const { components: { schemas = {}, ...components } = {}, ...rest } = document
  return {
    ...published(rest, componentRef),
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, published(schema, componentRef)])),
      headers: HEADERS,
      ...components
    }
  }
}

function finish (operation: OpenAPI.OperationObject): void {
  const body = operation.requestBody as OpenAPI.RequestBodyObject | undefined
  if (body !== undefined) {
    for (const media of Object.values(body.content)) {
      const schema = media.schema as TSchema
      media.example = exampleOf(schema, operation.operationId)
      // An empty body is null to the validator; to a client there is none.
      if (Array.isArray(schema.type)) {
        schema.type = 'object'
        delete body.required
      }
    }
  }
  for (const parameter of operation.parameters as (OpenAPI.ParameterObject)[] ?? []) {
    // The page would fill in all examples at once, and some parameters exclude each other.
    if (parameter.in === 'query') delete parameter.example
  }
  const responses = operation.responses as Record<string, OpenAPI.ResponseObject>
  for (const [status, response] of Object.entries(responses)) {
    const header = HEADERS_OF_STATUS[status]
    if (header !== undefined) response.headers = { [header]: { $ref: `#/components/headers/${header}` } }
    if (response.description === 'Default Response') response.description = 'Success'
  }
}
