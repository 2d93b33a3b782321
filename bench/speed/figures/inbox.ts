/** What a page of an inbox takes, by the number of conversations. */
import { Filler } from '../../../test/long/fill.js'
import { Series } from '../../../test/long/figures.js'
import type { User } from '../chat-socket.js'
import { inParallel, registerUsers } from '../client.js'
import { measure, type Figure } from '../figure.js'
import { HttpConnection } from '../http-client.js'
import { textOf } from '../settings.js'
import { withData, withServer } from './own-server.js'

const SIZES = [1_000, 10_000]
const PAGE = 50
const MESSAGES = 3
/** Conversations that are inserted at a time. */
const AT_ONCE = 16
/** First pages that are read; a tenth of them before, so that compilers and caches are warm. */
const READS = 300

export const inbox: Figure = {
  name: 'inbox',
  measures: SIZES.flatMap(size => [
    measure(`first${size}`, `inbox page of 50, ${size} conversations, median`, 'ms'),
    measure(`next${size}`, 'the same, all pages one after the other, median', 'ms')
  ]),
  servers: ['server'],
  async run (arena) {
    const values: Record<string, number> = {}
    for (const size of SIZES) {
      if (arena.settings.quick && size > SIZES[0]!) continue
      const { first, next } = await withData(async dir => {
        const user = await withServer(arena, dir, async own =>
          await fill(dir, size, await registerUsers(own, 1)))
        return await withServer(arena, dir, async own => await measurePages(own.origin, user))
      })
      values[`first${size}`] = first.quantile(0.5)
      values[`next${size}`] = next.quantile(0.5)
    }
    return { values }
  }
}

/** Gives a user so many conversations. */
async function fill (dir: string, size: number, [user]: User[]): Promise<User> {
  const filler = await Filler.connect(dir)
  try {
    const others = await filler.users(size)
    await inParallel(size, AT_ONCE, async n => {
      await filler.conversation(others[n]!, user!.id, MESSAGES, textOf('inbox', n, 1))
    })
  } finally {
    await filler.close()
  }
  return user!
}

async function measurePages (origin: string, { token }: User): Promise<{ first: Series, next: Series }> {
  const connection = await HttpConnection.open(origin)
  const [first, next] = [new Series(), new Series()]
  const read = async (position: string | undefined, series?: Series): Promise<string | undefined> => {
    const query = position === undefined ? '' : `&after=${encodeURIComponent(position)}`
    const since = performance.now()
    const { status, body } = await connection.request('GET', `${ROUTE}?limit=${PAGE}${query}`, token)
    series?.add(performance.now() - since)
    if (status !== 200) throw new Error(`${status} ${body.toString()}`)
    const { data, next: following } = JSON.parse(body.toString())
    if (following !== undefined && data.length !== PAGE) throw new Error('a page is not complete')
    return following
  }
  for (let n = 0; n < READS / 10; n++) await read(undefined)
  for (let n = 0; n < READS; n++) await read(undefined, first)
  for (let at = await read(undefined, next); at !== undefined;) at = await read(at, next)
  connection.close()
  return { first, next }
}

const ROUTE = '/api/v1/conversations'
