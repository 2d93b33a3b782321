import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { TSchema } from '@sinclair/typebox'
import fp from 'fastify-plugin'
import type { OpenAPIV3_1 as OpenAPI } from 'openapi-types'
import { exampleOf, published } from '../src/api-docs/published.js'

const DESCRIPTION = `The HTTP API of the server. Messages arrive in real time over the WebSocket protocol
\`chat.v1\`: [readable](/docs/realtime), or as [AsyncAPI](/docs/asyncapi.json).

**Start** with \`POST /api/v1/user/register\` or \`/login\`. Both set an \`HttpOnly\` cookie, so browsers and
Postman need nothing else. Their answer has a \`token\` for other clients: \`Authorization: Bearer TOKEN\`.
A wrong Bearer never falls back to the cookie. With the cookie, requests that change something are refused
(403) if they come from pages of other origins.

**Ids** in paths and bodies are mostly your own: \`data._id\` of those two answers. Replace the ids of the
examples.

**Errors** have one shape, \`ErrorReply\`. Bodies are never coerced. Unknown properties of a body are ignored,
unknown query parameters are refused.`

const TAGS = [
  { name: 'users', description: 'Accounts, sessions and avatars' },
  {
    name: 'messages',
    description: 'Sending and reading: each conversation is a log numbered 1, 2, 3 … without a gap'
  },
  {
    name: 'conversations',
    description: 'The inbox, what was read, and the messages and changes of conversations of both kinds'
  },
  { name: 'groups', description: 'Groups and their members' },
  { name: 'operation', description: 'For load balancers and monitoring' }
]

/**
 * The page may use only scripts and styles of this server, and the small pictures inside its style sheet.
 * Tested in Chromium: Swagger UI 5 needs nothing else.
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
  'Retry-After': {
    description: 'seconds until a repeat makes sense (RFC 9110, 10.2.3)',
    schema: { type: 'integer', minimum: 0 }
  },
  'WWW-Authenticate': {
    description: 'the required scheme (RFC 9110, 11.6.1)',
    schema: { type: 'string' }
  }
}
const HEADERS_OF_STATUS: Record<string, string> = {
  401: 'WWW-Authenticate',
  429: 'Retry-After',
  503: 'Retry-After'
}

const componentRef = (id: string) => `#/components/schemas/${id}`

/** Runs in the page. Browsers cannot send a GET with a body (Fetch, 5.3); the query string does the same. */
const dropBodyOfGet = (request: { method?: string, body?: unknown }) => {
  if (request.method === 'GET') delete request.body
  return request
}

const DOCUMENT: Partial<OpenAPI.Document> = {
  openapi: '3.1.0',
  info: {
    title: 'Chat App Server',
    // The version of the contract, not of the package.
    version: '1.0.0',
    description: DESCRIPTION,
    license: { name: 'MIT', identifier: 'MIT' }
  },
  servers: [{ url: '/', description: 'this server' }],
  tags: TAGS,
  security: [{ bearer: [] }, { cookie: [] }],
  components: {
    securitySchemes: {
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description: 'the `token` of register or login: 256 random bits, base64url'
      },
      cookie: {
        type: 'apiKey',
        in: 'cookie',
        name: 'session',
        description: 'set by register and login; `__Host-session` behind TLS'
      }
    }
  }
}

/** OpenAPI from the schemas of all routes: /docs to read and try, /docs/json for machines. */
export default fp(async function openapiPlugin (fastify) {
  await fastify.register(fastifySwagger, {
    openapi: DOCUMENT,
    convertConstToEnum: false,
    refResolver: { buildLocalReference: (json) => String(json.$id) },
    transform: ({ schema, url, route }) => {
      // A route without an operationId is not an operation: the socket, which AsyncAPI describes, and pages.
      if (schema?.operationId === undefined) {
        if (url.startsWith('/api/')) throw new Error(`${url} has no operationId: the document would lack it`)
        return { schema: { hide: true }, url }
      }
      return { schema: route.config?.public === true ? { ...schema, security: [] } : schema, url }
    },
    transformObject: (document) => 'openapiObject' in document
      ? finished(document.openapiObject as OpenAPI.Document)
      : document.swaggerObject
  })

  await fastify.register(async function pages (scope) {
    scope.addHook('onRoute', route => {
      route.config = { ...route.config, public: true }
    })
    await scope.register(fastifySwaggerUi, {
      routePrefix: '/docs',
      staticCSP: PAGE_POLICY,
      theme: { title: 'Chat App Server: API' },
      uiConfig: { layout: 'BaseLayout', requestInterceptor: dropBodyOfGet }
    })
  })
}, { name: 'openapi' })

/** Adds what @fastify/swagger cannot know. */
function finished (document: OpenAPI.Document): OpenAPI.Document {
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(path as Record<string, OpenAPI.OperationObject>)) finish(operation)
  }
  const { components: { schemas = {}, ...components } = {}, ...rest } = document
  const publishedSchemas = Object.entries(schemas)
    .map(([name, schema]) => [name, published(schema, componentRef)])
  return {
    ...published(rest, componentRef),
    components: {
      schemas: Object.fromEntries(publishedSchemas),
      headers: HEADERS,
      ...components
    }
  }
}

function finish (operation: OpenAPI.OperationObject): void {
  const body = operation.requestBody as OpenAPI.RequestBodyObject | undefined
  if (body !== undefined) finishBody(body, operation.operationId!)
  for (const parameter of operation.parameters as OpenAPI.ParameterObject[] ?? []) {
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

function finishBody (body: OpenAPI.RequestBodyObject, operationId: string): void {
  for (const media of Object.values(body.content)) {
    const schema = media.schema as TSchema
    media.example = exampleOf(schema, operationId)
    if (!Array.isArray(schema.type)) continue
    // The validator sees null for an empty body; clients send no body.
    schema.type = 'object'
    delete body.required
  }
}
