/** A page of the inbox is never older than what was answered before, whatever is remembered of it. */
import t, { type Test } from 'tap'
import type { App } from '../../src/app.js'
import { call, crowd, edit, erase, react, say, type Caller } from '../groups.js'
import { build, conversationOf, type Person } from '../helper.js'
import { base64, svg } from '../avatars/helper.js'
import { dataDir } from '../server.js'

const AVATAR = base64(svg('<path d="M0 0h1v1z"/>', 'viewBox="0 0 1 1"'))

const inbox = async (app: App, who: Caller) => (await call(app, who, 'GET', '/conversations')).data[0]

/** Changes everything that a page shows, and looks at the page after each change. */
async function changeAll (t: Test, app: App): Promise<void> {
  const [anna, ben] = await crowd(app, 2) as [Person, Person]
  const id = conversationOf(anna.id, ben.id)
  const shows = async (expected: object, title: string) => {
    for (let n = 0; n < 2; n++) t.match(await inbox(app, anna), expected, title)
  }
  await say(app, ben, id, 'first')
  await shows({ lastMessage: { message: 'first' }, unread: 1 }, 'a message')
  await edit(app, ben, id, 1, 'edited')
  await shows({ lastMessage: { message: 'edited', editedAt: String } }, 'an edit')
  await react(app, anna, id, 1, '👍')
  await shows({ lastMessage: { reactions: { '👍': [anna.id] } } }, 'a reaction')
  await call(app, anna, 'POST', `/conversations/${id}/read`, { seq: 1 })
  await shows({ unread: 0, read: 1, other: { read: 0 } }, 'an own mark')
  await say(app, anna, id, 'second')
  await call(app, ben, 'POST', `/conversations/${id}/read`, { seq: 2 })
  await shows({ lastMessage: { message: 'second' }, other: { read: 2 } }, "the other's mark")
  const avatar = { _id: ben.id, avatarImage: AVATAR }
  t.match(await call(app, ben, 'POST', `/setAvatar/${ben.id}`, avatar), { status: 200 })
  await shows({ user: { avatarImage: AVATAR, isAvatarImageSet: true } }, 'an avatar')
  await erase(app, anna, id, 2)
  await shows({ lastMessage: { message: '', deletedAt: String } }, 'a deletion')
  await call(app, ben, 'DELETE', `/user/${ben.id}`, { password: ben.password })
  await shows({ user: { _id: ben.id, deleted: true, username: 'Deleted user' } }, 'a deleted account')
}

t.test('where only this process writes, the inbox shows each change at once', async t => {
  await changeAll(t, await build(t, { MONGODB_URL: '', DATA_DIR: await dataDir(t) }))
})

t.test('where others may write, the inbox shows each change at once', async t => {
  await changeAll(t, await build(t))
})
