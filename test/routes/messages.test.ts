import fc from 'fast-check'
import t from 'tap'
import { append, build, register } from '../helper.js'
import { getallmessages } from './messages.js'

t.test(
  'without paging: the newest 1,000 messages, oldest of them first, hasMore where there are older ones',
  async t => {
    const app = await build(t)
    const [anna, ben] = await Promise.all([register(app), register(app)])
    await Promise.all(
      Array.from({ length: 1005 }, (_, n) =>
        append(app, { sender: anna.id, reciver: ben.id, message: `text ${n}` })
      )
    )
    const { data, hasMore } = (await getallmessages(app, ben, anna)).json()
    t.equal(data.length, 1000)
    t.equal(data[0].seq, 6)
    t.equal(data.at(-1).seq, 1005)
    t.equal(hasMore, true)
  }
)

type ReadPage = (query: Record<string, string>) => Promise<{ data: { seq: number }[]; hasMore: boolean }>

/** The numbers of all messages, read page by page from the oldest. */
async function walkUp (page: ReadPage): Promise<number[]> {
  const seqs: number[] = []
  for (let more = true; more;) {
    const { data, hasMore } = await page({ after: `${seqs.at(-1) ?? 0}` })
    seqs.push(...data.map(({ seq }) => seq))
    more = hasMore
  }
  return seqs
}

/** The same from the newest. */
async function walkDown (page: ReadPage): Promise<number[]> {
  const seqs: number[] = []
  for (let more = true; more;) {
    const { data, hasMore } = await page(seqs.length === 0 ? {} : { before: `${seqs[0]}` })
    seqs.unshift(...data.map(({ seq }) => seq))
    more = hasMore
  }
  return seqs
}

t.test('pages of any texts end at 4 MiB of JSON, and a walk either way finds every message once', async t => {
  const app = await build(t)
  const anna = await register(app)
  /** Characters that take 1, 2, 4 and 6 bytes each in JSON. */
  const longest = ['x', '"', '👍', '\u0001'].map(character => 'x' + character.repeat(9_999))
  const texts = fc.array(fc.constantFrom('hi', ...longest), { minLength: 100, maxLength: 300, size: 'max' })
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 50, max: 1000 }), async (texts, limit) => {
      const ben = await register(app)
      const members = { sender: anna.id, reciver: ben.id }
      await Promise.all(texts.map(message => append(app, { ...members, message })))
      const page = async (query: Record<string, string>) => {
        const response = await getallmessages(app, ben, anna, { ...query, limit: `${limit}` })
        const bytes = response.rawPayload.length
        t.ok(bytes <= 4 * 1024 * 1024 + 1024, `${bytes} bytes`)
        return response.json()
      }
      const all = texts.map((_, index) => index + 1)
      t.same(await walkUp(page), all)
      t.same(await walkDown(page), all)
    }),
    { numRuns: 5 }
  )
})
