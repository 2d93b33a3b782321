/** What the tests of the documents share: the documents, and the people whom their examples are about. */
import { mongodb } from '@fastify/mongodb'
import ajvFormats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { OpenAPIV3_1 as OpenAPI } from 'openapi-types'
import type { App } from '../../src/app.js'
import { newChange } from '../../src/chat/log/entries.js'
import { collection } from '../../src/database/documents.js'
import { emailKey, usernameKey } from '../../src/accounts/names.js'

export interface Operation {
  id: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  isPublic: boolean
  definition: OpenAPI.OperationObject
}

/** The OpenAPI document as clients get it. */
export async function openapi (app: App): Promise<OpenAPI.Document> {
  const response = await app.inject('/docs/json')
  return response.json()
}

export function operationsOf (document: OpenAPI.Document): Operation[] {
  return Object.entries(document.paths!).flatMap(([path, item]) =>
    Object.entries(item as Record<string, OpenAPI.OperationObject>).map(([method, definition]) => ({
      id: definition.operationId!,
      method: method.toUpperCase() as Operation['method'],
      path,
      isPublic: definition.security?.length === 0,
      definition
    }))
  )
}

/** The documented example of an operation's request: path and body. */
export function exampleRequest ({ method, path, definition }: Operation) {
  const parameters = (definition.parameters ?? []) as OpenAPI.ParameterObject[]
  const exampleOf = (name: string) =>
    parameters.find(parameter => parameter.in === 'path' && parameter.name === name)!.example
  const url = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(exampleOf(name)))
  const body = definition.requestBody as OpenAPI.RequestBodyObject | undefined
  return {
    method,
    url,
    ...(body === undefined ? {} : { payload: body.content['application/json']!.example })
  }
}

/** Says what is wrong with an answer by the server's own document; nothing if it is as documented. */
export function answerChecker (document: OpenAPI.Document) {
  const ajv = new Ajv2020({ strict: false })
  ajvFormats.default(ajv)
  ajv.addSchema(document, 'openapi')
  return (
    { path, method, definition }: Operation,
    answer: { statusCode: number; headers: Record<string, unknown>; body: string }
  ): string | undefined => {
    const status = String(answer.statusCode)
    const response = definition.responses?.[status] as OpenAPI.ResponseObject | undefined
    if (response === undefined) return `${status} is not documented`
    const type = String(answer.headers['content-type']).split(';')[0]!
    if (response.content?.[type] === undefined) return `${type} is not documented`
    const pointer = ['paths', path, method.toLowerCase(), 'responses', status, 'content', type, 'schema'].map(
      step => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))
    )
    const validate = ajv.compile({ $ref: `openapi#/${pointer.join('/')}` })
    return validate(type === 'application/json' ? JSON.parse(answer.body) : answer.body)
      ? undefined
      : ajv.errorsText(validate.errors)
  }
}

const ME = '64b7f0c2a1b2c3d4e5f60718'
const OTHER = '64b7f0c2a1b2c3d4e5f60719'
const GROUP = '64b7f0c2a1b2c3d4e5f6071a'
const SESSION = 'ab'.repeat(32)

async function addPeople (app: App): Promise<void> {
  const users = collection(app, 'users')
  const password = await app.passwords.hash('12345678', { account: '', network: '', known: undefined })
  for (const [id, username, email] of [
    [ME, 'Müller', 'mueller@example.org'],
    [OTHER, 'Meier', 'meier@example.org']
  ] as const) {
    await users.insertOne({
      _id: new mongodb.ObjectId(id),
      username,
      usernameKey: usernameKey(username),
      email,
      emailKey: emailKey(email),
      password,
      avatarImage: '',
      isAvatarImageSet: false,
      createdAt: new Date()
    })
  }
}

/** The people, the session and the conversations that the examples name; gives the headers of the caller. */
export async function populate (app: App): Promise<{ authorization: string }> {
  await addPeople(app)
  const now = Date.now()
  await collection(app, 'sessions').insertOne({
    _id: SESSION,
    user: new mongodb.ObjectId(ME),
    createdAt: new Date(now),
    lastSeenAt: new Date(now),
    expiresAt: new Date(now + 3_600_000),
    userAgent: ''
  })
  const login = await app.inject({
    method: 'POST',
    url: '/api/v1/user/login',
    payload: { username: 'Müller', password: '12345678' }
  })
  const headers = { authorization: `Bearer ${login.json().token}` }
  await app.inject({
    method: 'POST',
    url: '/api/v1/addmsg',
    headers,
    payload: { sender: ME, reciver: OTHER, message: 'first' }
  })
  const group = {
    kind: 'group',
    conversation: GROUP,
    actor: ME,
    name: 'Climbers',
    history: 'joined'
  } as const
  await app.conversationLog.append(newChange({ ...group, members: [ME, OTHER] }, new Date()))
  return headers
}
