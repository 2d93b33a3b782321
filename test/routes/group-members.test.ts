import t from 'tap'
import type { App } from '../../src/app.js'
import { build, type Person } from '../helper.js'
import {
  addMember, call, changes, crowd, lastRev, newGroup, removeMember, setRole, type Caller
} from '../groups.js'

const UNKNOWN = 'f'.repeat(24)

/** The roles of a group's members, by id. */
async function roles (app: App, who: Caller, group: string): Promise<Record<string, string>> {
  const { data } = await call(app, who, 'GET', `/groups/${group}`)
  return Object.fromEntries(data.memberList.map(({ user, role }: any) => [user._id, role]))
}

async function deleteAccount (app: App, person: Person): Promise<number> {
  return (await call(app, person, 'DELETE', `/user/${person.id}`, { password: person.password })).status
}

t.test('rule 11: adding again stores nothing, another role is 409; admins add only members', async t => {
  const app = await build(t)
  const [anna, ben, carl, dora] = await crowd(app, 4)
  const id = await newGroup(app, anna!, [])
  const added = await addMember(app, anna!, id, ben!.id, 'admin')
  t.same([added.status, added.body.message, added.data.members], [201, 'Member added', 2])
  t.equal((await addMember(app, ben!, id, carl!.id)).status, 201, 'an admin adds a member')
  t.equal((await addMember(app, ben!, id, dora!.id, 'admin')).status, 403, 'but not an admin')
  t.equal((await addMember(app, carl!, id, dora!.id)).status, 403, 'a member adds nobody')
  t.equal((await addMember(app, anna!, id, dora!.id, 'owner')).status, 400, 'there is one owner')
  const rev = await lastRev(app, anna!, id)
  t.equal((await addMember(app, anna!, id, ben!.id, 'admin')).status, 201)
  t.equal((await addMember(app, anna!, id, carl!.id, 'admin')).status, 409)
  t.equal(await lastRev(app, anna!, id), rev, 'no entry')
  t.same(await roles(app, anna!, id), { [anna!.id]: 'owner', [ben!.id]: 'admin', [carl!.id]: 'member' })
})

t.test('a member is added by one entry: change member with the role', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [])
  await addMember(app, anna!, id, ben!.id)
  const { data } = await changes(app, anna!, id, '?after=1')
  t.match(data, [{ type: 'change', rev: 2, kind: 'member', by: anna!.id, user: ben!.id, role: 'member' }])
  t.equal(data.length, 1)
})

t.test("rule 12: the same role again stores nothing; the owner's own role to another is 409", async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  const same = await setRole(app, anna!, id, ben!.id, 'member')
  t.same([same.status, same.body.message], [200, 'Member updated'])
  t.equal(await lastRev(app, anna!, id), 1)
  t.equal((await setRole(app, anna!, id, anna!.id, 'admin')).status, 409)
  t.equal((await setRole(app, anna!, id, ben!.id, 'admin')).status, 200)
  t.equal(await lastRev(app, anna!, id), 2)
  t.equal((await setRole(app, anna!, id, ben!.id, 'king')).status, 400)
})

t.test('rule 13: handing over is one entry, and the former owner becomes admin', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  const { status, data } = await setRole(app, anna!, id, ben!.id, 'owner')
  t.same([status, data.role], [200, 'admin'])
  t.same(await roles(app, ben!, id), { [anna!.id]: 'admin', [ben!.id]: 'owner' })
  const entries = (await changes(app, ben!, id, '?after=1')).data
  t.equal(entries.length, 1)
  t.match(entries, [{ kind: 'member', by: anna!.id, user: ben!.id, role: 'owner' }])
  t.equal((await setRole(app, anna!, id, ben!.id, 'member')).status, 403, 'the power is gone')
})

t.test('rule 6: for members the role (403) precedes "no such member" (404)', async t => {
  const app = await build(t)
  const [anna, ben, carl] = await crowd(app, 3)
  const id = await newGroup(app, anna!, [ben!])
  t.equal((await setRole(app, ben!, id, UNKNOWN, 'admin')).status, 403)
  t.equal((await removeMember(app, ben!, id, carl!.id)).status, 403)
  t.equal((await addMember(app, ben!, id, UNKNOWN)).status, 403)
  t.equal((await setRole(app, anna!, id, carl!.id, 'admin')).status, 404)
  t.equal((await removeMember(app, anna!, id, carl!.id)).status, 404)
})

t.test('rule 14: admins remove only plain members; the answer has no data', async t => {
  const app = await build(t)
  const [anna, ben, carl, dora] = await crowd(app, 4)
  const id = await newGroup(app, anna!, [dora!])
  await addMember(app, anna!, id, ben!.id, 'admin')
  await addMember(app, anna!, id, carl!.id, 'admin')
  t.equal((await removeMember(app, ben!, id, carl!.id)).status, 403)
  t.equal((await removeMember(app, ben!, id, anna!.id)).status, 403)
  t.equal((await removeMember(app, dora!, id, ben!.id)).status, 403)
  const removed = await removeMember(app, ben!, id, dora!.id)
  t.same(removed.body, { success: 'success', message: 'Member removed', data: {} })
  t.equal(removed.status, 200)
  t.equal((await removeMember(app, carl!, id, carl!.id)).status, 200, 'everybody may leave')
  t.same(await roles(app, anna!, id), { [anna!.id]: 'owner', [ben!.id]: 'admin' })
  t.match((await changes(app, anna!, id, '?after=4')).data, [{ kind: 'member', user: carl!.id, role: null }])
})

t.test('the owner leaves by handing over first (409 otherwise); the last one deletes the group', async t => {
  const app = await build(t)
  const [anna, ben] = await crowd(app, 2)
  const id = await newGroup(app, anna!, [ben!])
  const refused = await removeMember(app, anna!, id, anna!.id)
  t.equal(refused.status, 409)
  t.match(refused.body, { message: /^Conflict/ })
  await setRole(app, anna!, id, ben!.id, 'owner')
  t.equal((await removeMember(app, anna!, id, anna!.id)).status, 200)
  t.equal((await removeMember(app, ben!, id, ben!.id)).status, 200)
  for (const who of [anna!, ben!]) {
    t.equal((await call(app, who, 'GET', `/groups/${id}`)).status, 404)
    t.same((await call(app, who, 'GET', '/conversations')).data, [])
  }
})

t.test('rule 15: deleting an account passes groups to the oldest admin, else the oldest member', async t => {
  const app = await build(t)
  const [anna, ben, carl, dora] = await crowd(app, 4)
  const admins = await newGroup(app, anna!, [ben!])
  await addMember(app, anna!, admins, dora!.id, 'admin')
  await addMember(app, anna!, admins, carl!.id, 'admin')
  const members = await newGroup(app, anna!, [])
  await addMember(app, anna!, members, carl!.id)
  await addMember(app, anna!, members, ben!.id)
  const alone = await newGroup(app, anna!, [])
  t.equal(await deleteAccount(app, anna!), 200)
  t.same(await roles(app, ben!, admins), { [ben!.id]: 'member', [carl!.id]: 'admin', [dora!.id]: 'owner' })
  t.same(await roles(app, ben!, members), { [ben!.id]: 'member', [carl!.id]: 'owner' })
  t.equal((await call(app, ben!, 'GET', `/groups/${alone}`)).status, 404)
})
