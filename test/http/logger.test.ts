import { mongodb } from '@fastify/mongodb'
import type { Document } from 'bson'
import pino from 'pino'
import t from 'tap'
import type { App } from '../../src/app.js'
import { FaultProxy } from '../fault-proxy.js'
import { build, databaseUrl, register } from '../helper.js'

const TEXT = 'what people write'

/** The app's log from now on, as it was written. */
function logOf (app: App): string[] {
  const lines: string[] = []
  Object.assign(app.log, {
    [pino.symbols.streamSym]: {
      write: (line: string) => {
        lines.push(line)
      }
    }
  })
  return lines
}

const WRITE_ERROR = { index: 0, code: 121, errmsg: 'Document failed validation', errInfo: { failing: TEXT } }
const WRITE_CONCERN_ERROR = { code: 100, errmsg: 'not enough nodes', errInfo: { document: TEXT } }

/** What the database answers instead: errors that tell of the document that was written. */
const ANSWERS: Record<string, (reply: Document) => Document> = {
  'a write error': reply => ({ ...reply, n: 0, writeErrors: [WRITE_ERROR] }),
  'a write concern error': reply => ({ ...reply, writeConcernError: WRITE_CONCERN_ERROR }),
  'write errors beside it': reply => ({
    ...reply,
    n: 0,
    writeErrors: [WRITE_ERROR],
    writeConcernError: WRITE_CONCERN_ERROR
  }),
  'an error of the command': () => ({ ok: 0, code: 8, errmsg: 'unknown', document: TEXT })
}

t.test('no message text is logged, whatever error the driver throws', async t => {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    await t.test(name, async t => {
      const proxy = await FaultProxy.start(t, await databaseUrl())
      const app = await build(t, { MONGODB_URL: proxy.url, SEND_MS: 300 })
      const [anna, ben] = await Promise.all([register(app), register(app)])
      proxy.alter = (command, reply) => (command.insert === 'log' ? answer(reply) : undefined)
      const lines = logOf(app)
      app.log.level = 'trace'
      const payload = { message: TEXT, sender: anna.id, reciver: ben.id }
      await app.inject({ method: 'POST', url: '/api/v1/addmsg', headers: anna.headers, payload })
      const messages = app.mongo.db!.collection('log')
      const caught = (error: unknown) => error
      const errors = [
        await messages.insertMany([{ message: TEXT }]).catch(caught),
        await messages.insertOne({ message: TEXT }).catch(caught),
        await messages.bulkWrite([{ insertOne: { document: { message: TEXT } } }]).catch(caught)
      ]
      for (const error of errors) {
        t.ok(error instanceof mongodb.MongoError)
        app.log.error({ err: error }, 'as err')
        app.log.error(error)
        app.log.error({ err: new Error('failed', { cause: error }) }, 'as a cause')
        app.log.error({ err: new AggregateError([error], 'several') }, 'among several')
      }
      t.ok(lines.length >= 12)
      for (const line of lines) t.notMatch(line, TEXT)
      t.match(lines.join(''), /"type":"Mongo(BulkWrite|Server|WriteConcern)Error"/, 'its class is logged')
    })
  }
})

t.test('LOG_REQUESTS=on logs a line for each request, off none', async t => {
  for (const LOG_REQUESTS of ['on', 'off'] as const) {
    const app = await build(t, { LOG_REQUESTS })
    const lines = logOf(app)
    app.log.level = 'info'
    await app.inject({ method: 'GET', url: '/api/v1/user/me?secret=1' })
    const requests = lines.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'request')
    if (LOG_REQUESTS === 'off') t.same(requests, [])
    else {
      t.match(requests, [{ method: 'GET', status: 401, ms: Number }])
      t.notMatch(lines.join(''), 'secret')
    }
  }
})
