import { randomUUID } from 'node:crypto'
import t from 'tap'
import { glance } from '../../src/realtime/glance.js'

function glanceAt (frame: string | object) {
  return glance(Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame)))
}

t.test('what an error for an unread frame names', async t => {
  const clientId = randomUUID()
  const long = '👋'.repeat(10_000)

  await t.test('the clientId before or after a text of any length', async t => {
    t.same(glanceAt({ type: 'send', clientId, message: 'short' }), { clientId, resume: false })
    t.same(glanceAt({ type: 'send', clientId, message: long }), { clientId, resume: false })
    t.same(glanceAt({ type: 'send', message: long, clientId }), { clientId, resume: false })
    const upper = clientId.toUpperCase()
    t.same(glanceAt(`{ "clientId" : "${upper}" }`), { clientId: upper, resume: false })
  })

  await t.test('a resume, by its type', async t => {
    t.same(glanceAt({ type: 'resume', have: {} }), { resume: true })
    t.same(glanceAt({ have: { x: long }, type: 'resume' }), { resume: true })
  })

  await t.test('nothing that a text only quotes, and nothing that is not a UUID', async t => {
    const quoted = JSON.stringify({ type: 'resume', clientId })
    t.same(glanceAt({ type: 'send', message: quoted }), { resume: false })
    for (const frame of ['', '{', '{"clientId":5}', '{"clientId":"x"}', `{"clientId":"${clientId}0"}`]) {
      t.same(glanceAt(frame), { resume: false }, frame)
    }
  })

  await t.test('a clientId in the middle of a long frame is not looked for', async t => {
    t.same(glanceAt({ createdAt: long, clientId, message: long }), { resume: false })
  })
})
