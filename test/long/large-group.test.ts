/** A group of 500 with a socket for each member: what a message costs does not grow with the members. */
import type { Document } from 'bson'
import t, { type Test } from 'tap'
import { FaultProxy } from '../fault-proxy.js'
import { newGroup, pushes, say } from '../groups.js'
import { connect, databaseUrl, listen, type Socket } from '../helper.js'
import { Filler } from './fill.js'

/** The default of GROUP_MEMBERS. */
const MEMBERS = 500
/** Of a message, however many members there are. */
const MOST_COMMANDS = 16

/** Counts how often a message with this text becomes JSON. */
function countFrames (t: Test, text: string): () => number {
  const { stringify } = JSON
  let count = 0
  t.teardown(() => {
    JSON.stringify = stringify
  })
  JSON.stringify = function (value: unknown, ...rest: []): string {
    const json = stringify(value, ...rest)
    // Requests have no number.
    if (json.includes(text) && json.includes('"seq":')) count++
    return json
  }
  return () => count
}

t.test('a message to 500 sockets is made into a frame once, without a query for each member', async t => {
  const proxy = await FaultProxy.start(t, await databaseUrl())
  const { app, origin } = await listen(t, { MONGODB_URL: proxy.url, MAX_CONNECTIONS_PER_ADDRESS: 0 })
  const members = await new Filler(app.mongo.client, app.mongo.db!).members(MEMBERS)
  const [owner, ...others] = members
  const group = await newGroup(app, owner!, others)
  const sockets: Socket[] = []
  for (let at = 0; at < MEMBERS; at += 50) {
    sockets.push(...(await Promise.all(members.slice(at, at + 50).map(member => connect(t, origin, member)))))
  }
  await say(app, owner!, group, 'first')
  const frames = countFrames(t, 'the second text')
  const commands: string[] = []
  proxy.on('command', (command: Document) => {
    commands.push(Object.keys(command)[0]!)
  })
  await say(app, owner!, group, 'the second text')
  await Promise.all(
    sockets.map(socket =>
      socket.until(() => pushes(socket, group).some(({ message }) => message?.seq === 2) || undefined)
    )
  )
  t.equal(frames(), 1)
  // Where others may write, each step reads the group again: as few commands as for a group of three.
  t.ok(commands.length <= MOST_COMMANDS, `${commands.length} commands: ${commands.join()}`)
})
