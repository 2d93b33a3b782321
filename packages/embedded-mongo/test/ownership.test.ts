// One process owns a data directory, from before it opens anything until it ends, however it ends.
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { MongoClient } from 'mongodb'
import { test, type Test } from 'tap'
import { startEmbeddedMongo } from '../src/index.js'
import { scratch, startProcess } from './helper.js'
import { handOvers, takeOvers } from './ownership.js'

const inUse = (pid: number | undefined) => new RegExp(`in use by process ${pid}$`)

async function refused (t: Test, dir: string, pid: number | undefined, message: string): Promise<void> {
  await t.rejects(startProcess(t, dir, 'sync'), { message: inUse(pid) }, message)
}

test('after a killed owner one of four processes takes over; the others name it', async t => {
  await takeOvers(t, 2)
})

test('an owner that stops while others start leaves one owner at any time', async t => {
  await handOvers(t, 2)
})

test('a second process is refused with the pid of the first, even without a socket that answers', async t => {
  const dir = await scratch(t)
  const owner = await startProcess(t, dir, 'sync')
  await refused(t, dir, owner.child.pid, 'the owner serves')
  rmSync(join(dir, 'mongodb.sock'))
  await refused(t, dir, owner.child.pid, 'its socket was removed')
  owner.child.kill('SIGSTOP')
  await refused(t, dir, owner.child.pid, 'it is suspended')
  owner.child.kill('SIGCONT')
  await owner.end()
  const next = await startProcess(t, dir, 'sync')
  await next.end()
})

test('a second server in the same process is refused until the first one has stopped', async t => {
  const dir = await scratch(t)
  const first = await startEmbeddedMongo({ dir })
  await t.rejects(startEmbeddedMongo({ dir }), { message: inUse(process.pid) })
  await first.stop()
  const second = await startEmbeddedMongo({ dir })
  const client = await MongoClient.connect(second.url)
  t.match(await client.db('owners').command({ ping: 1 }), { ok: 1 })
  await client.close()
  await second.stop()
})

test('an owner that ends removes mongodb.sock only if the link is its own', async t => {
  const dir = await scratch(t)
  const owner = await startProcess(t, dir, 'sync')
  const link = join(dir, 'mongodb.sock')
  const socket = realpathSync(link)
  rmSync(link)
  symlinkSync('12345-other.sock', link)
  await owner.end()
  t.equal(readlinkSync(link), '12345-other.sock', 'the socket of another process stays')
  t.notOk(existsSync(socket), 'its own socket is gone')
  const next = await startProcess(t, dir, 'sync')
  t.not(readlinkSync(link), '12345-other.sock', 'nobody listens there: the next owner replaces it')
  await next.end()
  t.notOk(existsSync(link))
})

test('a running server of an earlier version, which takes no lock, keeps its directory', async t => {
  const dir = await scratch(t)
  const earlier = createServer().listen(join(dir, '4711-abcd.sock'))
  t.teardown(() => earlier.close())
  await once(earlier, 'listening')
  symlinkSync('4711-abcd.sock', join(dir, 'mongodb.sock'))
  await refused(t, dir, 4711, 'it listens')
  t.equal(readlinkSync(join(dir, 'mongodb.sock')), '4711-abcd.sock')
})

test('an existing directory keeps its mode; a new one, and the socket, are private', async t => {
  const parent = await scratch(t)
  const [there, made] = [join(parent, 'there'), join(parent, 'made')]
  mkdirSync(there)
  chmodSync(there, 0o755)
  for (const [dir, mode] of [
    [there, 0o755],
    [made, 0o700]
  ] as const) {
    const server = await startProcess(t, dir, 'noSync')
    t.equal(statSync(dir).mode & 0o777, mode)
    const socket = realpathSync(server.socketPath)
    t.equal(statSync(socket).mode & 0o777, 0o600)
    t.equal(statSync(dirname(socket)).mode & 0o777, 0o700)
    await server.end()
  }
})
