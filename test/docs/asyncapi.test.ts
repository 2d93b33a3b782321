import { Parser } from '@asyncapi/parser'
import type { TSchema } from '@sinclair/typebox'
import { createHash } from 'node:crypto'
import t from 'tap'
import type { App } from '../../src/app.js'
import type { asyncapi } from '../../src/api-docs/asyncapi.js'
import { CLOSE } from 'chat-protocol'
import { CLIENT_FRAMES, SERVER_FRAMES } from 'chat-protocol/schemas'
import { compileFrame } from '../../src/validation.js'
import { append, build, connect, listen, register } from '../helper.js'

type Document = ReturnType<typeof asyncapi>
type Test = Parameters<typeof build>[0]

const FRAMES = { client: CLIENT_FRAMES, server: SERVER_FRAMES }

async function documentOf (t: Test): Promise<Document> {
  return (await (await build(t)).inject('/docs/asyncapi.json')).json()
}

/** The messages of the document with the schema that the server itself uses for each. */
function messagesOf (document: Document) {
  return Object.entries(FRAMES).flatMap(([side, frames]) =>
    Object.entries(frames).map(([type, schema]) => {
      const key = `${side}${type[0]!.toUpperCase()}${type.slice(1)}`
      return { key, type, schema, message: document.channels.chat.messages[key] }
    })
  )
}

/** The fields of a frame; of a union, those of all its schemas. */
function fieldsOf (schema: TSchema): string[] {
  const schemas: TSchema[] = schema.anyOf ?? [schema]
  return schemas.flatMap(({ properties }) => Object.keys(properties))
}

t.test('the document is valid AsyncAPI 3', async t => {
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(await documentOf(t)))
  // Severities of Spectral: 0 error, 1 warning, 2 information (such as that there is a newer version).
  t.same(
    diagnostics.filter(({ severity }) => severity < 2),
    []
  )
  t.equal(document!.version(), '3.0.0')
  t.equal(
    document!.operations().all().length,
    Object.keys(CLIENT_FRAMES).length + Object.keys(SERVER_FRAMES).length
  )
})

t.test('every frame is a message of the channel, received or sent by one operation', async t => {
  const document = await documentOf(t)
  const messages = messagesOf(document)
  t.equal(Object.keys(document.channels.chat.messages).length, messages.length)
  for (const { key, type, message } of messages) {
    t.equal(message?.name, type, key)
    t.equal(document.operations[key].action, key.startsWith('client') ? 'receive' : 'send', key)
    t.same(document.operations[key].messages, [{ $ref: `#/channels/chat/messages/${key}` }])
  }
})

t.test('every example is a frame that the server itself accepts or sends', async t => {
  for (const { key, schema, message } of messagesOf(await documentOf(t))) {
    const validate = compileFrame(schema)
    t.equal(validate(message!.examples[0]!.payload), true, `${key}: ${JSON.stringify(validate.errors)}`)
  }
})

t.test('the examples of client frames are answered as documented', async t => {
  const { app, origin } = await listen(t)
  const document = await documentOf(t)
  for (const type of Object.keys(CLIENT_FRAMES)) await answered(t, { app, origin, document }, type)
})

/** The documents' example of one frame, sent by somebody whose conversation with oneself has a message. */
async function answered (
  t: Test,
  { app, origin, document }: { app: App; origin: string; document: Document },
  type: string
): Promise<void> {
  const person = await register(app)
  await append(app, { sender: person.id, reciver: person.id, message: 'first' })
  const named = JSON.stringify(document.channels.chat.messages)
    .replaceAll('64b7f0c2a1b2c3d4e5f60718', person.id)
    .replaceAll('64b7f0c2a1b2c3d4e5f60719', person.id)
  const messages = JSON.parse(named) as Document['channels']['chat']['messages']
  const key = `client${type[0]!.toUpperCase()}${type.slice(1)}`
  const answers: string[] = document.operations[key].reply.messages.map(
    ({ $ref }: { $ref: string }) => messages[$ref.split('/').at(-1)!]!.name
  )
  const socket = await connect(t, origin, person)
  socket.send(messages[key]!.examples[0]!.payload as object)
  // The last that is not `error` ends the answer.
  const last = answers.filter(answer => answer !== 'error').at(-1)
  if (last === undefined) await socket.roundTrip()
  else {
    const end = await socket.until(() => socket.frames.find(({ type }) => type === last || type === 'error'))
    t.equal(end.type, last, `${key}: ${JSON.stringify(end)}`)
  }
  t.same(socket.all('error'), [], `${key} is not refused`)
}

t.test(
  "the document and the page name this server's limits and every close code",
  async t => {
    const app = await build(t, { FRAME_BYTES: 54_321, MAX_SOCKETS_PER_USER: 0 })
    const document: Document = (await app.inject('/docs/asyncapi.json')).json()
    const page = (await app.inject('/docs/realtime')).body
    for (const text of [document.info.description, page]) {
      t.match(text, '54321')
      t.match(text, /sockets of one user(<\/td><td>| \| )none/)
      for (const code of [...Object.values(CLOSE), 1007, 1009]) t.match(text, String(code))
    }
  }
)

t.test('the page shows every frame with its fields and example, and no script', async t => {
  const app = await build(t)
  const { headers, body } = await app.inject('/docs/realtime')
  t.match(headers['content-type'], 'text/html')
  for (const { key, schema, type } of messagesOf(await documentOf(t))) {
    const section = body.split(`<h3 id="${key}">`)[1]?.split(/<h[23]/)[0]
    t.match(section, `<code>${type}</code>`, key)
    for (const field of fieldsOf(schema)) {
      t.match(section, new RegExp(`<code>${field}(\\[\\])?</code>`), `${key}.${field}`)
    }
    t.match(section, `&quot;type&quot;: &quot;${type}&quot;`)
  }
  t.notMatch(body, /<script|\son\w+=|javascript:|https?:\/\//i)
  for (const [, anchor] of body.matchAll(/href="#([^"]+)"/g)) t.match(body, `id="${anchor}"`)
  const style = /<style>(.*?)<\/style>/s.exec(body)![1]!
  const hash = createHash('sha256').update(style).digest('base64')
  t.equal(
    headers['content-security-policy'],
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; ` +
      "form-action 'none'; frame-ancestors 'none'"
  )
})
