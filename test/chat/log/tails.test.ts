/** Pages from memory (src/chat/log/tails.ts) are the same as those from the database. */
import fc from 'fast-check'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { App } from '../../../src/app.js'
import { Pages } from '../../../src/chat/log/pages.js'
import { Tails } from '../../../src/chat/log/tails.js'
import { build, messageDocument } from '../../helper.js'
import { crowd, edit, erase, newGroup, react, say } from '../../groups.js'

const SEED = Number(process.env.TEST_SEED ?? 20_261_126)

/** An application that is the only writer of its database. */
async function buildAlone (t: Test, changes: { TAIL_BYTES?: number }): Promise<App> {
  const dir = await mkdtemp(join(tmpdir(), 'chat-tails-'))
  t.teardown(async () => await rm(dir, { recursive: true }))
  return await build(t, { MONGODB_URL: '', DATA_DIR: join(dir, 'data'), ...changes })
}

const NUMBER = fc.integer({ min: 0, max: 14 })
const READ = fc.record({
  direction: fc.constantFrom('before', 'after'),
  from: fc.option(NUMBER, { nil: undefined }),
  above: fc.oneof(fc.constant(0), NUMBER),
  limit: fc.integer({ min: 1, max: 15 }),
  maxBytes: fc.constantFrom(300, 900, 2_000, 1_000_000)
})
const STEP = fc.record({
  kind: fc.constantFrom('message', 'message', 'edit', 'delete', 'reaction', 'read', 'read'),
  seq: fc.integer({ min: 1, max: 10 }),
  on: fc.boolean(),
  read: READ
})
type Step = typeof STEP extends fc.Arbitrary<infer S> ? S : never

/** Reads the same pages through the tails and from the database, after each of many random steps. */
async function comparePages (t: Test, changes: { TAIL_BYTES?: number }): Promise<void> {
  const app = await buildAlone(t, changes)
  const { conversationLog } = app
  const [anna, ben] = await crowd(app, 2)
  const stored = new Pages(app.repositories.log, undefined)

  async function read (log: App['conversationLog'] | Pages, id: string, { read: page }: Step) {
    const { direction, from, above, ...bounds } = page
    return direction === 'before'
      ? await log.before(id, from, above, bounds)
      : await log.after(id, from ?? 0, above, bounds)
  }

  async function run (id: string, n: number, step: Step): Promise<unknown> {
    switch (step.kind) {
      case 'message': return await say(app, anna!, id, `text ${n} 👋`.repeat(1 + n % 9))
      case 'edit': return await edit(app, anna!, id, step.seq, `edited ${n}`)
      case 'delete': return await erase(app, anna!, id, step.seq)
      case 'reaction': return await react(app, ben!, id, step.seq, '👍', step.on)
      default: return await read(conversationLog, id, step)
    }
  }

  let fromMemory = 0
  await fc.assert(fc.asyncProperty(fc.array(STEP, { minLength: 10, maxLength: 40 }), async steps => {
    const id = await newGroup(app, anna!, [ben!])
    for (const [n, step] of steps.entries()) {
      // Some at once: a page may be read while a change is stored and folded.
      const running = run(id, n, step)
      const next = steps[n + 1]
      if (next !== undefined && n % 3 === 0) await run(id, n + 100, next)
      await running
      await conversationLog.settled(id)
      const reads = conversationLog.pagesFromMemory
      t.same(await read(conversationLog, id, step), await read(stored, id, step), `step ${n}`)
      fromMemory += conversationLog.pagesFromMemory - reads
    }
  }), { numRuns: 15, seed: SEED })
  t.ok(fromMemory > 20, `${fromMemory} pages came from memory`)
}

t.test('a page from memory is the page from the database, for random schedules of changes', async t => {
  await comparePages(t, {})
})

t.test('a page from memory is the page from the database when tails are lost now and then', async t => {
  await comparePages(t, { TAIL_BYTES: 4_000 })
})

t.test('TAIL_BYTES: the tails that were used longest ago go first', async t => {
  const tails = new Tails(3_000)
  const ids = ['a', 'b', 'c'].map(letter => letter.repeat(24))
  const store = (reciver: string, seq: number) => {
    tails.stored(messageDocument('d'.repeat(24), reciver, 'x'.repeat(300), seq))
  }
  for (const id of ids) for (const seq of [1, 2]) store(id, seq)
  t.ok(tails.bytes <= 3_000, `${tails.bytes} bytes`)
  t.same(tails.use(`${ids[0]}:${'d'.repeat(24)}`).items, [], 'the first one is gone')
  t.same(tails.use(`${ids[2]}:${'d'.repeat(24)}`).items.map(({ seq }) => seq), [1, 2])
  for (let seq = 3; seq < 50; seq++) store(ids[2]!, seq)
  t.ok(tails.bytes <= 3_000, 'one conversation alone does not exceed the bound')
})

t.test('TAIL_BYTES=0 keeps nothing', async t => {
  const tails = new Tails(0)
  tails.stored(messageDocument('d'.repeat(24), 'a'.repeat(24), 'text', 1))
  t.equal(tails.bytes, 0)
})

t.test('a conversation keeps at most two pages of messages', async t => {
  const tails = new Tails(100_000_000)
  for (let seq = 1; seq <= 5_000; seq++) {
    tails.stored(messageDocument('d'.repeat(24), 'a'.repeat(24), 'text', seq))
  }
  const { items, bytes } = tails.use(`${'a'.repeat(24)}:${'d'.repeat(24)}`)
  t.ok(items.length <= 2_000 && items.length >= 1_000, `${items.length} messages`)
  t.equal(items.at(-1)!.seq, 5_000)
  t.equal(tails.bytes, bytes)
})
