import t from 'tap'
import { jsonPage, jsonText, spliceJson } from '../../src/http/json-text.js'

const serialize = spliceJson()

async function pageOf (texts: string[]) {
  const items = texts.map(text => ({ json: JSON.stringify(text) }))
  return await jsonPage<string>(Promise.resolve({ items, hasMore: true }))
}

for (const [title, texts] of Object.entries({
  'an empty page': [],
  'a short page': ['a', '👍'],
  'a page that is encoded in parts': Array.from({ length: 50 }, (_, n) => `${n} ${'👍é'.repeat(2_000)}`),
  'an item that is longer than a part': ['👍'.repeat(200_000), 'b']
})) {
  t.test(`${title} becomes the JSON of its items`, async t => {
    const answer = serialize({ success: true, ...await pageOf(texts) })
    t.same(JSON.parse(answer.toString()), { success: true, data: texts, hasMore: true })
  })
}

t.test('a page may be the first field, and fields with a text may stand beside it', async t => {
  const { data } = await pageOf(['x'.repeat(100_000), 'y'])
  const answer = serialize({ data, one: jsonText('{"two":2}'), three: '"' })
  t.same(JSON.parse(answer.toString()), { data: ['x'.repeat(100_000), 'y'], one: { two: 2 }, three: '"' })
})
