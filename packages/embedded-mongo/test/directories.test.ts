// Directories that cannot be used are refused with a clear error, and their data stays readable.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { open } from 'lmdb'
import { t as tap, test, type Test } from 'tap'
import { mount, scratch, startProcess, using } from './helper.js'

// It takes some seconds on a quiet machine, and several times as long on a busy one.
tap.setTimeout(400_000)

/**
 * Starts a server that must not start.
 *
 * @returns the reason that it gives
 */
async function refused (t: Test, dir: string): Promise<string> {
  const outcome = await startProcess(t, dir, 'sync').catch((err: Error) => err)
  if (!(outcome instanceof Error)) t.fail('it started')
  return outcome instanceof Error ? outcome.message : ''
}

/** Makes a directory with one document and no server. */
async function written (t: Test): Promise<string> {
  const dir = await scratch(t)
  const server = await startProcess(t, dir, 'sync')
  await using(server, client => client.db('storm').collection('items').insertOne({ text: 'here' }))
  await server.end()
  return dir
}

async function stillThere (t: Test, dir: string): Promise<void> {
  const server = await startProcess(t, dir, 'sync')
  t.match(
    await using(server, client => client.db('storm').collection('items').findOne()),
    { text: 'here' },
    'the data is unharmed'
  )
  await server.end()
}

test('a read-only directory, or a file in its place, is refused with path and reason', async t => {
  const dir = await written(t)
  const file = join(dir, 'a-file')
  writeFileSync(file, 'not a directory')
  t.match(await refused(t, file), file)
  const view = await scratch(t)
  // Permissions do not stop root; a read-only mount does.
  if (mount(t, view, '--bind', dir)) {
    execFileSync('mount', ['-o', 'remount,ro,bind', view])
    const reason = await refused(t, view)
    t.match(reason, view)
    t.match(reason, /read-only|EROFS/i)
  }
  await stillThere(t, dir)
})

test('a second process is refused with the pid of the first, which keeps running', async t => {
  const dir = await scratch(t)
  const first = await startProcess(t, dir, 'sync')
  t.match(await refused(t, dir), String(first.child.pid))
  await using(first, async client =>
    t.match(await client.db('storm').collection('items').insertOne({}), { acknowledged: true })
  )
  await first.end()
})

test('the lock of a dead process is taken over', async t => {
  const dir = await written(t)
  const killed = await startProcess(t, dir, 'sync')
  await killed.end('SIGKILL')
  await stillThere(t, dir)
})

test('one of several processes gets the directory of a dead one, and they leave nothing behind', async t => {
  const dir = await written(t)
  const killed = await startProcess(t, dir, 'sync')
  await killed.end('SIGKILL')
  const started = await Promise.allSettled(Array.from({ length: 4 }, () => startProcess(t, dir, 'sync')))
  const [owner, ...others] = started
    .filter(outcome => outcome.status === 'fulfilled')
    .map(({ value }) => value)
  t.same(others, [], 'one owner')
  for (const outcome of started) {
    if (outcome.status === 'rejected') {
      t.match(String(outcome.reason), `in use by process ${owner!.child.pid}`)
    }
  }
  await owner!.end()
  t.same(
    readdirSync(dir).filter(name => !name.startsWith('data.mdb')),
    ['mongodb.lock']
  )
  await stillThere(t, dir)
})

test('a path that is too long for a socket gets a short one, and the directory has one server', async t => {
  const dir = join(await scratch(t), 'x'.repeat(120))
  const server = await startProcess(t, dir, 'sync')
  t.ok(Buffer.byteLength(server.socketPath) < 104)
  t.equal(statSync(dirname(server.socketPath)).mode & 0o777, 0o700)
  await using(server, client => client.db('storm').collection('items').insertOne({ text: 'here' }))
  t.match(await refused(t, dir), String(server.child.pid))
  await server.end()
  t.notOk(existsSync(dirname(server.socketPath)))
  await stillThere(t, dir)
})

test('data in an unknown format is refused', async t => {
  const dir = await written(t)
  const file = open({
    path: join(dir, 'data.mdb'),
    keyEncoding: 'binary',
    encoding: 'binary',
    noSubdir: true
  })
  await file.put(Buffer.from('\0format'), Buffer.from('999'))
  await file.close()
  t.match(await refused(t, dir), /format version 999/)
  const garbage = await scratch(t)
  writeFileSync(join(garbage, 'data.mdb'), 'not a database'.repeat(10_000))
  t.match(await refused(t, garbage), join(garbage, 'data.mdb'))
})
