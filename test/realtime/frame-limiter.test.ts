/** FrameLimiter with a clock of the test's own, in milliseconds. */
import t from 'tap'
import { ApiError } from '../../src/errors.js'
import { FrameLimiter, frameAllowances, type FrameLimits } from '../../src/realtime/frame-limiter.js'
import { LoadPace } from '../../src/rate-limits/load-pace.js'
import { TokenBucket } from '../../src/rate-limits/token-bucket.js'
import type { ClientFrame } from 'chat-protocol'
import { conversationOf } from '../helper.js'

const DEFAULTS: FrameLimits = { framesPerSecond: 20, resumeConversations: 2_500 }
const COST_PER_SECOND = 100
const PING: ClientFrame = { type: 'ping' }
const id = (n: number): string => n.toString(16).padStart(24, '0')

function resume (count: number): ClientFrame {
  const names = Array.from({ length: count }, (_, n) => [conversationOf(id(0), id(n)), n])
  return { type: 'resume', have: Object.fromEntries(names) }
}

/** Takes a frame on; gives the error's retryAfter in milliseconds, 0 where there is none. */
function take (limiter: FrameLimiter, frame: ClientFrame, now: number): number {
  const bytes = JSON.stringify(frame).length
  const error = thrown(() => {
    limiter.arrive(bytes, now)
    limiter.begin(frame, bytes, now)
  })
  if (error instanceof ApiError && error.kind === 'tooManyRequests') return error.retryAfter! * 1_000
  if (error !== undefined) throw error
  limiter.done(frame)
  return 0
}

function thrown (run: () => void): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

/** Sockets of one user. */
function sockets (count: number, costPerSecond = COST_PER_SECOND, limits = DEFAULTS): FrameLimiter[] {
  const allowances = frameAllowances(costPerSecond, new LoadPace())
  return Array.from({ length: count }, () => new FrameLimiter(limits, allowances.of('anna')))
}

t.test('TokenBucket', async t => {
  await t.test('gives the burst, then the rate, and says how long the cost takes to come', async t => {
    const bucket = new TokenBucket(10, 30)
    t.equal(bucket.take(1_000, 30), 0)
    t.equal(bucket.take(1_000, 5), 500)
    t.equal(bucket.take(1_499, 5), 1)
    t.equal(bucket.take(1_500, 5), 0)
    t.equal(bucket.take(100_000, 30), 0, 'a long pause gives no more than the burst')
    t.equal(bucket.take(100_000), 100)
    t.equal(bucket.take(99_000), 100, 'a clock that goes back gives nothing')
  })

  await t.test('a cost above the burst passes when the bucket is full, and leaves a debt', async t => {
    const bucket = new TokenBucket(10, 30)
    t.equal(bucket.take(0, 100), 0)
    t.equal(bucket.take(0), 7_100)
    t.equal(bucket.take(7_100), 0)
  })

  await t.test('a rate of 0 lets everything pass', async t => {
    const bucket = new TokenBucket(0, 0)
    for (let n = 0; n < 100; n++) t.equal(bucket.take(0, 1_000), 0)
  })
})

t.test('20 frames a second, bursts of 60', async t => {
  const [socket] = sockets(1)
  for (let n = 0; n < 60; n++) t.equal(take(socket!, PING, 0), 0)
  t.equal(take(socket!, PING, 0), 50)
  t.ok(take(socket!, PING, 40) > 0)
  t.equal(take(socket!, PING, 100), 0)
})

t.test('4429 after 180 refused frames; the count falls by 20 a second', async t => {
  await t.test('4429 comes at once after 60 frames that pass and 180 that are refused', async t => {
    const [socket] = sockets(1)
    for (let n = 0; n < 240; n++) {
      take(socket!, PING, 0)
      t.notOk(socket!.ignored)
    }
    take(socket!, PING, 0)
    t.ok(socket!.ignored)
  })

  /** Seconds of this many frames a second until the socket is to be closed; Infinity: not in a minute. */
  function secondsTo4429 (framesPerSecond: number): number {
    const [socket] = sockets(1)
    for (let n = 0; n < framesPerSecond * 60; n++) {
      take(socket!, PING, (n * 1_000) / framesPerSecond)
      if (socket!.ignored) return n / framesPerSecond
    }
    return Infinity
  }

  await t.test('a client that sends three times its rate, although frames pass between', async t => {
    t.ok(secondsTo4429(60) < 12, `${secondsTo4429(60)} s`)
    t.ok(secondsTo4429(200) < 2, `${secondsTo4429(200)} s`)
  })

  await t.test('a quarter more keeps the socket: each refused frame has its error', async t => {
    t.equal(secondsTo4429(25), Infinity)
  })
})

t.test('what people do is within the allowance', async t => {
  const watch: ClientFrame = { type: 'watch', users: Array.from({ length: 200 }, (_, n) => id(n)) }

  await t.test('a device reconnects with 3,000 conversations in full frames', async t => {
    const [socket] = sockets(1)
    for (const frame of [resume(2_400), resume(600), watch]) t.equal(take(socket!, frame, 0), 0)
  })

  await t.test('a phone and a laptop reconnect at once with 1,900 conversations in full frames', async t => {
    for (const socket of sockets(2)) {
      for (const frame of [resume(1_900), watch]) t.equal(take(socket, frame, 0), 0)
    }
  })

  await t.test('the same in frames of 500 conversations, as the client here sends them', async t => {
    for (const socket of sockets(2)) {
      for (let n = 0; n < 3; n++) t.equal(take(socket, resume(500), n * 56), 0)
    }
  })

  await t.test('200 conversations on three devices that lose their connection every ten seconds', async t => {
    const allowances = frameAllowances(COST_PER_SECOND, new LoadPace())
    for (let now = 0; now < 600_000; now += 10_000) {
      for (let device = 0; device < 3; device++) {
        t.equal(take(new FrameLimiter(DEFAULTS, allowances.of('anna')), resume(200), now), 0)
      }
    }
  })

  await t.test('five sockets that send as fast as each of them may, for an hour', async t => {
    const frame: ClientFrame = { type: 'send', clientId: 'x', reciver: id(1), message: 'hello' }
    const all = sockets(5)
    let refused = 0
    for (let n = 0; n < 3_600 * 20; n++) {
      for (const socket of all) if (take(socket, frame, n * 50) > 0) refused++
    }
    t.equal(refused, 0)
  })
})

t.test('20 sockets with empty resumes in their rate: after the burst two a second pass at most', async t => {
  const all = sockets(20)
  let passed = 0
  for (let n = 0; n < 60 * 20; n++) {
    for (const socket of all) if (take(socket, resume(0), n * 50) === 0 && n >= 40 * 20) passed++
  }
  t.ok(passed <= 20 * 2, `${passed} passed in the last 20 seconds`)
})

t.test('a refused frame passes after the time that its error names', async t => {
  const [socket] = sockets(1)
  let wait = 0
  let now = 0
  while (wait === 0) wait = take(socket!, resume(2_400), now)
  now += wait
  t.equal(take(socket!, resume(2_400), now), 0)
})

t.test('a frame that costs more than the burst passes when nothing else was asked for', async t => {
  const [socket] = sockets(1, 1)
  t.equal(take(socket!, resume(2_000), 0), 0)
  const wait = take(socket!, PING, 0)
  t.ok(wait > 1_000_000, 'which is paid for afterwards')
  t.equal(take(socket!, PING, wait), 0)
  t.ok(take(socket!, resume(2_000), wait) > 0)
})

t.test('a user keeps the allowance over reconnects, and others have their own', async t => {
  const allowances = frameAllowances(1, new LoadPace())
  const bucket = allowances.of('anna')
  t.equal(allowances.of('anna'), bucket)
  t.not(allowances.of('ben'), bucket)
})

t.test('conversations under way', async t => {
  const limits = { framesPerSecond: 0, resumeConversations: 10 }

  await t.test('40 of one socket at most, whatever the number of frames', async t => {
    const [socket, other] = sockets(2, 0, limits)
    for (const count of [10, 10, 10, 9]) socket!.begin(resume(count), 0, 0)
    const error = thrown(() => {
      socket!.begin(resume(2), 0, 0)
    })
    t.match(error, { kind: 'tooManyRequests', retryAfter: 1, errorMessages: [{ path: 'have' }] })
    socket!.begin(resume(1), 0, 0)
    other!.begin(resume(10), 0, 0)
    socket!.done(resume(9))
    socket!.begin(resume(9), 0, 0)
    t.notOk(socket!.ignored)
  })

  await t.test('too many conversations in one frame: refused without retryAfterMs', async t => {
    const [socket] = sockets(1, 0, limits)
    const error = thrown(() => {
      socket!.begin(resume(11), 0, 0)
    })
    t.match(error, { kind: 'validation', errorMessages: [{ path: 'have' }] })
  })
})

t.test('256 frames under way: the socket is not read', async t => {
  const [socket] = sockets(1)
  for (let n = 0; n < 255; n++) socket!.begin(PING, 0, 0)
  t.notOk(socket!.full)
  socket!.begin(PING, 0, 0)
  t.ok(socket!.full)
  socket!.done(PING)
  t.notOk(socket!.full)
})
