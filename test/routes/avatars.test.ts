import tap from 'tap'
import { avatarPool, POOL_SIZE } from '../../src/avatars/avatar-pool.js'
import { sanitizeAvatar } from '../../src/avatars/svg.js'
import { build } from '../helper.js'

tap.test(
  'avatars offers four different harmless pictures, as many as asked for with count, without a session',
  async t => {
    const app = await build(t)
    for (const [query, count] of [
      ['', 4],
      ['?count=1', 1],
      ['?count=12', 12]
    ] as const) {
      const response = await app.inject(`/api/v1/avatars${query}`)
      t.equal(response.statusCode, 200)
      const { success, data } = response.json()
      t.equal(success, 'success')
      t.equal(new Set(data).size, count)
      for (const avatar of data) t.strictSame(sanitizeAvatar(avatar), { value: avatar })
    }
  }
)

tap.test('count is an integer from 1 to 50', async t => {
  const app = await build(t)
  for (const count of ['0', '51', '-1', '1.5', 'many', '']) {
    const response = await app.inject(`/api/v1/avatars?count=${count}`)
    t.strictSame([response.statusCode, response.json().errorMessages?.[0].path], [400, 'count'], count)
  }
})

tap.test(
  'pictures are drawn until the pool is full, then chosen from it, all different and not always the same',
  async t => {
    let drawn = 0
    const choose = avatarPool(async count => Array.from({ length: count }, () => `picture ${drawn++}`))
    for (let asked = 0; asked < POOL_SIZE; asked += 50) await choose(50)
    t.equal(drawn, POOL_SIZE)
    const [one, two] = [await choose(50), await choose(50)]
    t.equal(drawn, POOL_SIZE)
    t.equal(new Set(one).size, 50)
    t.strictNotSame(one, two)
  }
)
