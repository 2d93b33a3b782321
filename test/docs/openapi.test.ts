// @own-process: it replaces console.warn
import { createConfig, lintFromString } from '@redocly/openapi-core'
import t from 'tap'
import { build } from '../helper.js'
import { answerChecker, exampleRequest, openapi, operationsOf, populate } from './helper.js'

/** The routes of the contract (docs/architecture.md); a new one is added here and to the document alike. */
const CONTRACT = [
  'POST /api/v1/user/register',
  'POST /api/v1/user/login',
  'POST /api/v1/setAvatar/{id}',
  'GET /api/v1/allusers/{id}',
  'POST /api/v1/addmsg',
  'GET /api/v1/getallmessages',
  'GET /api/v1/user/me',
  'POST /api/v1/user/logout',
  'GET /api/v1/user/sessions',
  'DELETE /api/v1/user/sessions/{id}',
  'POST /api/v1/user/password',
  'DELETE /api/v1/user/{id}',
  'GET /api/v1/avatars',
  'GET /api/v1/conversations',
  'POST /api/v1/conversations/{id}/read',
  'GET /api/v1/conversations/{id}/messages',
  'POST /api/v1/conversations/{id}/messages',
  'PATCH /api/v1/conversations/{id}/messages/{seq}',
  'DELETE /api/v1/conversations/{id}/messages/{seq}',
  'PUT /api/v1/conversations/{id}/messages/{seq}/reactions/{emoji}',
  'DELETE /api/v1/conversations/{id}/messages/{seq}/reactions/{emoji}',
  'GET /api/v1/conversations/{id}/changes',
  'POST /api/v1/groups',
  'GET /api/v1/groups/{id}',
  'PATCH /api/v1/groups/{id}',
  'POST /api/v1/groups/{id}/members',
  'PATCH /api/v1/groups/{id}/members/{user}',
  'DELETE /api/v1/groups/{id}/members/{user}',
  'GET /api/v1/user/blocks',
  'PUT /api/v1/user/blocks/{user}',
  'DELETE /api/v1/user/blocks/{user}',
  'GET /health',
  'GET /ready',
  'GET /metrics'
]

/** Every object inside a document. */
function * objectsIn (value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Record<string, unknown>
  for (const entry of Object.values(value)) yield * objectsIn(entry)
}

const warnings = t.capture(console, 'warn')
const app = await build(t)
t.same(warnings(), [], 'no compiler ignores a format or a keyword of a schema')
const document = await openapi(app)
const operations = operationsOf(document)

t.test('the document is valid OpenAPI by the recommended rules of Redocly', async t => {
  const config = await createConfig({ extends: ['recommended'] })
  const source = JSON.stringify(document)
  const problems = await lintFromString({ source, absoluteRef: '/openapi.json', config })
  t.same(problems.map(({ ruleId, message, location }) => ({ ruleId, message, at: location[0]?.pointer })), [])
})

t.test(
  'every route of the contract is documented, with its own tag, and every success and error',
  async t => {
    const documented = operations.map(({ method, path }) => `${method} ${path}`)
    t.same(documented.sort(), [...CONTRACT].sort())
    t.equal(new Set(operations.map(({ id }) => id)).size, operations.length, 'operationIds are unique')
    const tags = document.tags!.map(({ name }) => name)
    for (const { id, isPublic, definition } of operations) {
      const statuses = Object.keys(definition.responses!)
      t.ok(
        statuses.some(status => status.startsWith('2')),
        `${id}: success`
      )
      t.same(
        [400, 408, 413, 414, 415, 429, 431, 500, 503].filter(status => !statuses.includes(String(status))),
        [],
        `${id}: what any route can answer`
      )
      t.equal(isPublic || statuses.includes('401'), true, `${id}: 401 where a session is needed`)
      t.same(
        definition.tags!.filter(tag => !tags.includes(tag)),
        [],
        `${id}: its tags are explained`
      )
    }
  }
)

t.test(
  'shared schemas keep their names; own formats and keywords of validators do not show',
  async t => {
    t.same(Object.keys(document.components!.schemas!).sort(), [
      'Conversation',
      'ErrorReply',
      'Message',
      'SessionInfo',
      'User'
    ])
    const formats = [...objectsIn(document)]
      .map(({ format }) => format)
      .filter(format => typeof format === 'string')
    t.same([...new Set(formats)].sort(), ['date-time', 'uuid'])
    t.equal(
      [...objectsIn(document)].some(object => '$id' in object || 'nullable' in object),
      false
    )
  }
)

t.test('exactly the operations that document it need a session', async t => {
  t.same(document.security, [{ bearer: [] }, { cookie: [] }])
  for (const operation of operations) {
    const response = await app.inject({
      ...exampleRequest(operation),
      headers: { authorization: 'Bearer of-nobody' }
    })
    // A login is refused with the same status: there its own text tells.
    const isRefused = response.statusCode === 401 && operation.id !== 'login'
    t.equal(isRefused, !operation.isPublic, operation.id)
    if (isRefused) t.ok(response.headers['www-authenticate'], `${operation.id}: documented header`)
  }
})

t.test('a 401 says how to get a session', async t => {
  for (const { id, definition } of operations) {
    if (definition.responses?.[401] === undefined) continue
    t.match(
      (definition.responses[401] as { description: string }).description,
      /login.*register.*token.*Bearer.*cookie/,
      id
    )
  }
})

t.test('the body of getallmessages is optional and an object', async t => {
  const { definition } = operations.find(({ id }) => id === 'getallmessages')!
  const body = definition.requestBody as {
    required?: boolean
    content: Record<string, { schema: { type: unknown } }>
  }
  t.equal(body.required ?? false, false)
  t.equal(body.content['application/json']!.schema.type, 'object')
})

t.test('every documented example of a request works, and is answered as documented', async t => {
  const check = answerChecker(document)
  const populated = await build(t)
  const reader = await populate(populated)
  for (const operation of operations) {
    await t.test(operation.id, async t => {
      const isRead = operation.method === 'GET'
      const app = isRead ? populated : await build(t)
      // Registering needs a free name, everything else the people whom the examples are about.
      const headers = isRead ? reader : operation.id === 'register' ? {} : await populate(app)
      const response = await app.inject({ ...exampleRequest(operation), headers })
      t.match(String(response.statusCode), /^2/, response.body)
      t.equal(check(operation, response), undefined)
    })
  }
})

t.test('the page loads nothing from elsewhere, and runs no inline script', async t => {
  for (const url of ['/docs', '/docs/']) {
    const page = await app.inject(url)
    t.equal(page.statusCode, 200)
    const policy = String(page.headers['content-security-policy'])
    t.match(policy, /default-src 'none';.*script-src 'self';.*frame-ancestors 'none';/)
    t.notMatch(policy, /unsafe|https?:|\*/)
    t.same(page.body.match(/<script(?![^>]*\ssrc=)/g), null, 'no inline script')
    const addresses = [...page.body.matchAll(/\s(?:src|href)="([^"]+)"/g)].map(
      ([, address]) => new URL(address!, 'http://here/docs/')
    )
    t.ok(addresses.length >= 5)
    for (const address of addresses) {
      t.equal(address.host, 'here', address.href)
      t.equal((await app.inject(address.pathname)).statusCode, 200, address.pathname)
    }
  }
  const script = (await app.inject('/docs/static/swagger-initializer.js')).body
  t.match(script, 'validatorUrl: null', 'the document is not sent to a validator elsewhere')
  t.match(script, /"requestInterceptor":.*GET/s)
})

t.test('every link in the description resolves', async t => {
  const { description } = document.info
  const links = [...description!.matchAll(/\]\((\/[^)]+)\)/g)].map(([, link]) => link!)
  t.same(links, ['/docs/realtime', '/docs/asyncapi.json'])
  for (const link of links) t.equal((await app.inject(link)).statusCode, 200, link)
  t.equal((await app.inject('/docs/nothing')).statusCode, 404)
})

t.test('YAML says the same as JSON', async t => {
  const yaml = (await app.inject('/docs/yaml')).body
  for (const { id } of operations) t.match(yaml, `operationId: ${id}\n`)
  t.notMatch(yaml, /\$id/)
})
