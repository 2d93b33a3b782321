import fc from 'fast-check'
import t from 'tap'
import { UnreadAnswers, type AnswerConnection, type Charge } from '../src/unread-answers.js'

const BOUNDS = { connection: 120, user: 150, address: 300, all: 400 }

/** Answers on a clock that the test moves, with connections that note when they are cut. */
function world () {
  let now = 0
  const answers = new UnreadAnswers(BOUNDS, () => now)
  const cut: AnswerConnection[] = []
  const connect = () => {
    const destroy = (): never => cut.push(connection) as never
    const connection: AnswerConnection = answers.connection({ destroy })
    return connection
  }
  /** A request of a user with an answer that is not taken. */
  const hold = (connection: AnswerConnection, address: string, user: string, bytes: number) => {
    const charge = answers.begin(connection, address, 1)
    answers.identify(charge, user)
    answers.answer(charge, bytes)
    return charge
  }
  return { answers, cut, connect, hold, pass: (ms: number) => { now += ms } }
}

t.test('a request is refused for the narrowest bound that it exceeds', async t => {
  const { answers, connect, hold } = world()
  const connection = connect()
  t.equal(answers.excess(hold(connection, 'a', 'anna', 60), 60), undefined)
  t.equal(answers.excess(hold(connection, 'a', 'anna', 60), 1), 'connection')
  t.equal(answers.excess(hold(connect(), 'a', 'anna', 20), 11), 'user')
  hold(connect(), 'a', 'ben', 100)
  t.equal(answers.excess(hold(connect(), 'a', 'carl', 10), 51), 'address')
  hold(connect(), 'b', 'dora', 100)
  t.equal(answers.excess(hold(connect(), 'b', 'emil', 10), 41), 'all')
  t.equal(answers.bytes, 360)
})

t.test('room is made by cutting what the address has held longest, and never what is young', async t => {
  const { answers, cut, connect, hold, pass } = world()
  const [old, other, young] = [connect(), connect(), connect()]
  hold(old, 'b', 'anna', 80)
  hold(other, 'a', 'ben', 100)
  pass(4_000)
  hold(young, 'a', 'carl', 100)
  pass(2_000)
  const asking = hold(connect(), 'a', 'dora', 50)
  t.equal(answers.excess(asking, 60), undefined)
  t.same(cut, [other])
  t.equal(answers.bytes, 230)
  hold(connect(), 'a', 'emil', 100)
  t.equal(answers.excess(asking, 60), 'address', 'the others are too young')
  pass(6_000)
  t.equal(answers.excess(asking, 60), undefined)
  t.same(cut, [other, young])
})

t.test('an answer that is taken between two others makes its connection young again', async t => {
  const { answers, cut, connect, hold, pass } = world()
  const reading = connect()
  answers.release(hold(reading, 'a', 'anna', 90))
  pass(6_000)
  hold(reading, 'a', 'anna', 90)
  for (const user of ['ben', 'carl']) hold(connect(), 'a', user, 90)
  t.equal(answers.excess(hold(connect(), 'a', 'dora', 20), 20), 'address')
  t.same(cut, [])
})

t.test('whatever happens in whatever order, nothing stays behind', async t => {
  const what = fc.constantFrom('begin', 'identify', 'answer', 'release', 'close', 'excess')
  const step = fc.record({ what, on: fc.nat(9), bytes: fc.nat(120) })
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: 'max' }), steps => {
    const { answers, connect, pass } = world()
    const connections = Array.from({ length: 10 }, connect)
    const charges: Charge[] = []
    const some = (on: number) => charges.at(-1 - on % Math.max(1, charges.length))
    for (const { what, on, bytes } of steps) {
      pass(bytes * 30)
      const charge = some(on)
      if (what === 'begin') charges.push(answers.begin(connections[on]!, `address ${on % 3}`, bytes))
      else if (what === 'close') {
        answers.close(connections[on]!)
        connections[on] = connect()
      } else if (charge !== undefined) {
        const isNew = charge.state === 'working' && charge.user === undefined
        if (what === 'identify' && isNew) answers.identify(charge, `user ${on % 4}`)
        if (what === 'answer') answers.answer(charge, bytes)
        if (what === 'release') answers.release(charge)
        if (what === 'excess' && charge.state === 'working') answers.excess(charge, bytes)
      }
      const sum = charges.reduce((all, { state, bytes: held }) => state === 'released' ? all : all + held, 0)
      if (answers.bytes !== sum) throw new Error(`${answers.bytes} are counted, ${sum} are held`)
    }
    for (const charge of charges) answers.release(charge)
    const left = answers.begin(connect(), 'address 0', 0)
    return answers.bytes === 0 && answers.excess(left, BOUNDS.connection) === undefined
  }))
  t.pass()
})
