/** A user who is being removed from a group: nothing of the user is stored behind the removal. */
import t from 'tap'
import { addMember, call, changes, crowd, newGroup, removeMember, say } from '../groups.js'
import { FaultProxy } from '../fault-proxy.js'
import { build, databaseUrl, type Person } from '../helper.js'

/** Rounds, and messages of each that are sent while the removal is under way. */
const ROUNDS = 10
const MESSAGES = 20

t.test('messages that a user sends during its removal come before it, or are refused', async t => {
  const app = await build(t)
  const [owner, leaving] = (await crowd(app, 2)) as [Person, Person]
  const group = await newGroup(app, owner, [leaving])
  for (let round = 0; round < ROUNDS; round++) {
    const sends = Array.from({ length: MESSAGES }, (_, n) => say(app, leaving, group, `round ${round}, ${n}`))
    const removed = removeMember(app, round % 2 === 0 ? owner : leaving, group, leaving.id)
    sends.push(
      ...Array.from({ length: MESSAGES }, (_, n) => say(app, leaving, group, `later ${round}, ${n}`))
    )
    t.equal((await removed).status, 200)
    const statuses = new Set((await Promise.all(sends)).map(({ status }) => status))
    t.same(
      [...statuses].filter(status => ![201, 404, 503].includes(status)),
      []
    )
    const { data } = await changes(app, owner, group)
    const at = data.findLastIndex((entry: any) => entry.kind === 'member' && entry.role === null)
    t.same(data.slice(at + 1), [], 'the removal is the last entry')
    t.equal((await addMember(app, owner, group, leaving.id)).status, 201)
  }
  t.equal((await call(app, leaving, 'GET', `/groups/${group}`)).status, 200)
})

t.test(
  'a message that loses its number to the removal of its sender by another process is refused',
  async t => {
    const url = await databaseUrl()
    const proxy = await FaultProxy.start(t, url)
    const here = await build(t, { MONGODB_URL: url })
    const there = await build(t, { MONGODB_URL: proxy.url })
    const [owner, leaving] = (await crowd(here, 2)) as [Person, Person]
    const group = await newGroup(here, owner, [leaving])
    t.equal((await say(there, leaving, group, 'in time')).status, 201)
    proxy.unheard.add('insert')
    const insert = proxy.next('insert')
    const late = say(there, leaving, group, 'too late')
    await insert
    t.equal((await removeMember(here, owner, group, leaving.id)).status, 200)
    proxy.unheard.clear()
    proxy.cut()
    t.equal((await late).status, 404)
    const { data } = await changes(here, owner, group)
    t.match(data.at(-1), { kind: 'member', role: null }, 'the removal is the last entry')
  }
)
