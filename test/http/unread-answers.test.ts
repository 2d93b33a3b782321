import fc from 'fast-check'
import t from 'tap'
import { UnreadAnswers, type AnswerConnection, type Charge } from '../../src/http/unread-answers.js'

const MIB = 1024 * 1024
/** Answers of some MiB each are large: they have no part in what is kept for small ones. */
const BOUNDS = { connection: 120 * MIB, user: 150 * MIB, address: 300 * MIB, all: 400 * MIB }

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
  const hold = (connection: AnswerConnection, address: string, user: string, mebibytes: number) => {
    const charge = answers.begin(connection, address, 1)
    answers.identify(charge, user)
    answers.answer(charge, mebibytes * MIB)
    return charge
  }
  const excess = (charge: Charge, mebibytes: number) => answers.excess(charge, mebibytes * MIB)
  return {
    answers,
    cut,
    connect,
    hold,
    excess,
    pass: (ms: number) => {
      now += ms
    }
  }
}

t.test('a request is refused for the narrowest bound that it exceeds', async t => {
  const { answers, connect, hold, excess } = world()
  const connection = connect()
  const annas = [60, 60].map(mebibytes => hold(connection, 'a', 'anna', mebibytes))
  t.equal(excess(annas[0]!, 1), 'connection')
  annas.push(hold(connect(), 'a', 'anna', 20))
  t.equal(excess(annas[2]!, 11), 'user')
  for (const charge of annas) answers.release(charge)
  t.equal(answers.bytes, 0)
  for (const user of ['ben', 'carl', 'dora']) hold(connect(), 'a', user, 95)
  t.equal(excess(hold(connect(), 'a', 'emil', 5), 100), 'address')
  hold(connect(), 'b', 'frida', 95)
  t.equal(excess(hold(connect(), 'b', 'gus', 5), 100), 'all')
  t.equal(answers.bytes, 390 * MIB)
})

t.test('the oldest answers of an address are cut to make room, and never young ones', async t => {
  const { answers, cut, connect, hold, excess, pass } = world()
  const [old, other, young] = [connect(), connect(), connect()]
  hold(old, 'b', 'anna', 80)
  hold(other, 'a', 'ben', 100)
  pass(4_000)
  hold(young, 'a', 'carl', 100)
  pass(2_000)
  const asking = hold(connect(), 'a', 'dora', 50)
  t.equal(excess(asking, 60), undefined)
  t.same(cut, [other])
  t.equal(answers.bytes, 230 * MIB)
  hold(connect(), 'a', 'emil', 100)
  t.equal(excess(asking, 60), 'address', 'the others are too young')
  pass(6_000)
  t.equal(excess(asking, 60), undefined)
  t.same(cut, [other, young])
})

t.test('an answer that is taken between two others makes its connection young again', async t => {
  const { answers, cut, connect, hold, excess, pass } = world()
  const reading = connect()
  answers.release(hold(reading, 'a', 'anna', 90))
  pass(6_000)
  hold(reading, 'a', 'anna', 90)
  for (const user of ['ben', 'carl']) hold(connect(), 'a', user, 90)
  t.equal(excess(hold(connect(), 'a', 'dora', 20), 75), 'address')
  t.same(cut, [])
})

t.test('the largest holder makes room for smaller ones, and equal holders do not cut each other', async t => {
  const { cut, connect, hold, excess } = world()
  const [greedy, second, modest] = [connect(), connect(), connect()]
  hold(greedy, 'a', 'anna', 70)
  hold(second, 'a', 'anna', 60)
  hold(modest, 'b', 'ben', 100)
  hold(connect(), 'b', 'carl', 100)
  t.equal(excess(hold(connect(), 'c', 'dora', 60), 60), undefined)
  t.same(cut, [greedy], 'the oldest connection of the heaviest user')
  const emil = hold(connect(), 'd', 'emil', 10)
  t.equal(excess(emil, 100), 'all', 'nobody holds more than that')
  t.equal(excess(emil, 80), undefined)
  t.equal(cut.at(-1), modest)
})

t.test('small answers have room up to a quarter above the total bound', async t => {
  const { answers, connect, hold, excess } = world()
  for (let n = 0; n < 4; n++) hold(connect(), `address ${n}`, `user ${n}`, 100)
  const small = answers.begin(connect(), 'a', 4_096)
  t.equal(answers.excess(small), undefined)
  t.equal(excess(small, 100), 'all')
  hold(connect(), 'address 5', 'user 5', 100)
  t.equal(answers.excess(answers.begin(connect(), 'a', 4_096)), undefined, 'the heaviest makes room')
})

t.test('nothing is left behind after any order of events', async t => {
  const what = fc.constantFrom('begin', 'identify', 'answer', 'release', 'close', 'excess')
  const step = fc.record({ what, on: fc.nat(9), bytes: fc.nat(120) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), steps => {
      const { answers, connect, pass } = world()
      const connections = Array.from({ length: 10 }, connect)
      const charges: Charge[] = []
      const some = (on: number) => charges.at(-1 - (on % Math.max(1, charges.length)))
      for (const { what, on, bytes } of steps) {
        pass(bytes * 30)
        const charge = some(on)
        if (what === 'begin') charges.push(answers.begin(connections[on]!, `address ${on % 3}`, bytes * MIB))
        else if (what === 'close') {
          answers.close(connections[on]!)
          connections[on] = connect()
        } else if (charge !== undefined) {
          const isNew = charge.state === 'working' && charge.user === undefined
          if (what === 'identify' && isNew) answers.identify(charge, `user ${on % 4}`)
          if (what === 'answer') answers.answer(charge, bytes * MIB)
          if (what === 'release') answers.release(charge)
          if (what === 'excess' && charge.state === 'working') answers.excess(charge, bytes * MIB)
        }
        const sum = charges.reduce(
          (all, { state, bytes: held }) => (state === 'released' ? all : all + held),
          0
        )
        if (answers.bytes !== sum) throw new Error(`${answers.bytes} are counted, ${sum} are held`)
      }
      for (const charge of charges) answers.release(charge)
      const left = answers.begin(connect(), 'address 0', 0)
      return answers.bytes === 0 && answers.excess(left, BOUNDS.connection) === undefined
    })
  )
  t.pass()
})
