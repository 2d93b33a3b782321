import t, { type Test } from 'tap'
import { check } from '../../src/maintenance/check.js'
import type { EntryDocument, MembershipDocument } from '../../src/database/documents.js'
import { openDatabase, type OpenDatabase } from '../../src/database/open.js'
import { addMember, call, edit, erase, newGroup, react, removeMember, say, setRole } from '../groups.js'
import { build, conversationOf, databaseUrl, register } from '../helper.js'

interface Filled extends OpenDatabase { talk: string, group: string, anna: string, ben: string }

/** A database with a direct conversation and a group that have changes of every kind. */
async function filled (t: Test): Promise<Filled> {
  const MONGODB_URL = await databaseUrl()
  const app = await build(t, { MONGODB_URL })
  const [anna, ben, carl] = [await register(app), await register(app), await register(app)]
  const talk = conversationOf(anna.id, ben.id)
  const group = await newGroup(app, anna, [ben], { history: 'all' })
  for (const id of [talk, group]) {
    for (const text of ['one', 'two', 'three']) await say(app, anna, id, text)
    await edit(app, anna, id, 1, 'ONE')
    await edit(app, anna, id, 2, 'TWO')
    await erase(app, anna, id, 2)
    for (const who of [anna, ben]) await react(app, who, id, 3, '👍')
    await react(app, ben, id, 3, '👍', false)
  }
  await addMember(app, anna, group, carl.id)
  await call(app, anna, 'PATCH', `/groups/${group}`, { name: 'Boulders' })
  await setRole(app, anna, group, ben.id, 'owner')
  await removeMember(app, carl, group, carl.id)
  await app.close()
  const opened = await openDatabase(MONGODB_URL)
  t.teardown(opened.close)
  return { ...opened, talk, group, anna: anna.id, ben: ben.id }
}

t.test('what the server wrote agrees', async t => {
  const { db } = await filled(t)
  const { conversations, entries, broken, derived } = await check(db, false)
  t.equal(conversations, 2)
  t.equal(entries, 2 * 9 + 5)
  t.strictSame([...broken, ...derived], [])
})

t.test('what is made of the log is found where it differs, and made anew', async t => {
  const { db, talk, group, anna, ben } = await filled(t)
  const log = db.collection<EntryDocument>('log')
  const before = await log.find({}, { sort: { _id: 1 } }).toArray()
  await log.updateOne({ conversation: talk, seq: 1 }, { $set: { current: 'changed' } })
  await log.updateOne({ conversation: talk, seq: 3 }, { $unset: { reactions: '' } })
  await log.updateOne({ conversation: group, seq: 2 }, { $unset: { deletedAt: '' } })
  await db.collection('conversations').deleteOne({ _id: talk as never })
  await db.collection('conversations').updateOne({ _id: group as never }, { $set: { name: 'x', lastSeq: 9 } })
  await db.collection<MembershipDocument>('memberships').deleteOne({ _id: `${group}/${anna}` })
  const { broken, derived } = await check(db, false)
  t.strictSame(broken, [])
  t.strictSame(derived.sort(), [
    `${group}: lastSeq, name of the summary`,
    `${group}: the membership of ${anna}`,
    `${group}: the state of message 2`,
    `${talk}: lastRev, lastSeq, changedAt, lastAt, last, members of the summary`,
    `${talk}: the state of message 1`,
    `${talk}: the state of message 3`
  ].sort())
  t.equal((await check(db, true)).derived.length, 6)
  t.strictSame((await check(db, false)).derived, [])
  t.same(await log.find({}, { sort: { _id: 1 } }).toArray(), before)
  const memberships = db.collection<MembershipDocument>('memberships')
  const members = await memberships.find({ conversation: group }).toArray()
  t.equal(members.find(({ user }) => user === anna)?.role, 'admin')
  t.equal(members.find(({ user }) => user === ben)?.role, 'owner')
})

t.test('a gap, a wrong number and a missing beginning are faults that nothing repairs', async t => {
  const { db, talk, group } = await filled(t)
  const log = db.collection<EntryDocument>('log')
  await log.deleteOne({ conversation: talk, rev: 5 })
  await log.updateOne({ conversation: group, rev: 3 }, { $set: { top: 7 } })
  const { broken } = await check(db, true)
  t.strictSame(broken.filter(line => line.startsWith(talk)), [`${talk}: rev 6 follows 4`])
  t.match(broken.find(line => line.startsWith(group)), /^\S+: rev 3 has seq 2 and top 7, and not 2 and 2$/)
  await log.deleteMany({ conversation: talk })
  const again = await check(db, false)
  t.ok(again.broken.includes(`${talk}: there is a summary, but no log`))
})
