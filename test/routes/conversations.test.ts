/** Lists end at 4 MiB, and go on from there: whatever is in them, nothing is missing or doubled. */
import fc from 'fast-check'
import t from 'tap'
import type { App } from '../../src/app.js'
import { collection } from '../../src/database/documents.js'
import { mongodb } from '@fastify/mongodb'
import { build, messageDocument, conversationOf, register, type Person } from '../helper.js'

const MIB = 1024 * 1024
/** What a list may have besides its items: its own words and the cursor. */
const FRAME = 1024

/** Texts of up to the longest length whose sizes in JSON differ: 1, 2 (quotes), 4 and 6 bytes a character. */
const LONG = ['x', '"', '👍', '\u0001'].map(character => 'x' + character.repeat(9_999))
/** An avatar of the largest size. */
const AVATAR = 'A'.repeat(43_000)

/** Writes conversations of one person with as many others, the first one newest. */
async function inbox (app: App, me: Person, texts: string[]): Promise<string[]> {
  const others = texts.map((_, index) => ({
    _id: new mongodb.ObjectId(),
    username: `other ${index}`,
    usernameKey: `other ${index}`,
    email: `${index}@example.net`,
    emailKey: `${index}@example.net`,
    password: '',
    avatarImage: index % 3 === 0 ? '' : AVATAR,
    isAvatarImageSet: true,
    createdAt: new Date()
  }))
  await collection(app, 'users').insertMany(others)
  const ids = others.map(({ _id }) => conversationOf(me.id, _id.toHexString()))
  const messages = texts.map((message, index) =>
    messageDocument(me.id, others[index]!._id.toHexString(), message, 1))
  await collection(app, 'log').insertMany(messages)
  await collection(app, 'conversations').insertMany(messages.map(({ _id: id }, index) => ({
    _id: ids[index]!,
    members: ids[index]!.split(':'),
    lastSeq: 1,
    lastRev: 1,
    last: { seq: 1, id },
    // Several have the same time, so that the id decides.
    lastAt: new Date(1e12 - Math.floor(index / 4) * 1000),
    changedAt: new Date()
  })))
  const sorted = collection(app, 'conversations').find({ members: me.id }).sort({ lastAt: -1, _id: -1 })
  return (await sorted.toArray()).map(({ _id }) => _id)
}

/** Walks a list to its end; gives the ids in their order, and the bytes of the largest answer. */
async function walk (app: App, me: Person, limit: number): Promise<{ ids: string[], largest: number }> {
  const ids: string[] = []
  let largest = 0
  let after = ''
  do {
    const query = `limit=${limit}${after === '' ? '' : `&after=${after}`}`
    const answer = await app.inject({ url: `/api/v1/conversations?${query}`, headers: me.headers })
    const { data, next } = answer.json()
    largest = Math.max(largest, Buffer.byteLength(answer.body))
    ids.push(...data.map(({ id }: { id: string }) => id))
    after = next ?? ''
  } while (after !== '')
  return { ids, largest }
}

t.test('an inbox of the longest messages and largest avatars comes in pages of up to 4 MiB', async t => {
  const app = await build(t)
  const me = await register(app)
  const expected = await inbox(app, me, Array.from({ length: 210 }, (_, index) => LONG[index % LONG.length]!))
  for (const limit of [200, 73, 20]) {
    const { ids, largest } = await walk(app, me, limit)
    t.same(ids, expected, `limit ${limit}`)
    t.ok(largest <= 4 * MIB + FRAME, `limit ${limit}: ${largest} bytes`)
  }
})

t.test('an inbox of any sizes is walked without gap or repeat', async t => {
  const app = await build(t)
  const sizes = fc.array(fc.constantFrom('hi', ...LONG), { minLength: 1, maxLength: 130, size: 'max' })
  await fc.assert(fc.asyncProperty(sizes, fc.integer({ min: 1, max: 200 }), async (texts, limit) => {
    const me = await register(app)
    await collection(app, 'users').deleteMany({ password: '' })
    const expected = await inbox(app, me, texts)
    const { ids, largest } = await walk(app, me, limit)
    t.same(ids, expected)
    t.ok(largest <= 4 * MIB + FRAME)
  }), { numRuns: 8 })
})
