// Acknowledged writes survive kill -9. A full or read-only disk and a second owner get a clear error, and the
// data stays readable.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { open } from 'lmdb'
import { MongoClient, type Collection, type MongoServerError } from 'mongodb'
import { t as tap, test, type Test } from 'tap'
import { scratch, startProcess, type ServerProcess } from './helper.js'
import { LONG, pickSeed, random } from './seed.js'
import { Lane, type Doc } from './storm.js'

// It takes a minute on a quiet machine, and several times as long on a busy one.
tap.setTimeout(400_000)

const ROUNDS = LONG ? 30 : 4
const LANES = 16
const seed = pickSeed()

/** Connects while `work` runs; the server may die meanwhile. */
async function using<T> (server: ServerProcess, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(server.url, { serverSelectionTimeoutMS: 2_000, maxPoolSize: LANES })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/** Throws unless every index of the collection agrees with its documents. */
async function validate (client: MongoClient, name: string): Promise<void> {
  const answer = await client.db('storm').command({ validate: name })
  if (!answer.valid) throw new Error(`validate: ${JSON.stringify(answer)}`)
}

/** Throws unless everything acknowledged is stored, no statement is half done, and the indexes agree. */
async function recover (client: MongoClient, items: Collection<Doc>, lanes: Lane[]): Promise<void> {
  await items.createIndexes([
    { key: { lane: 1, n: 1, _id: 1 }, unique: true },
    { key: { tags: 1 } },
    { key: { lane: 1, text: -1 } }
  ])
  await validate(client, 'items')
  const stored = await items.find().toArray()
  for (const lane of lanes) lane.recover(stored.filter(doc => doc.lane === lane.lane))
  const byIndex = await items.find({ lane: { $gte: 0 } }, { hint: { lane: 1, n: 1, _id: 1 } }).toArray()
  if (byIndex.length !== stored.length) {
    throw new Error(`the index finds ${byIndex.length} of ${stored.length} documents`)
  }
}

/**
 * Writes on all lanes until the server is killed.
 *
 * @returns how many commands were acknowledged
 */
async function storm (
  server: ServerProcess,
  client: MongoClient,
  items: Collection<Doc>,
  lanes: Lane[],
  choose: () => number
): Promise<number> {
  const last = LANES + Math.floor(choose() * 80)
  let [acknowledged, killed] = [0, false]
  const kill = async () => {
    killed = true
    // Half of the kills come at once, which shows an answer before its flush; the others within one or two
    // commits.
    if (choose() < 0.5) await delay(choose() * 15)
    await server.end('SIGKILL')
    // Else writers without a connection would look for the server for seconds.
    await client.close()
  }
  let dead = Promise.resolve()
  await Promise.all(
    lanes.map(async lane => {
      try {
        for (;;) {
          await lane.step(items)
          if (++acknowledged === last) dead = kill()
        }
      } catch (err) {
        // Only the end of the server may stop a writer.
        if (!killed) throw err
      }
    })
  )
  await dead
  return acknowledged
}

test(`${ROUNDS} rounds of kill -9 lose nothing acknowledged (seed ${seed})`, async t => {
  const dir = await scratch(t)
  const choose = random(seed)
  const lanes = Array.from({ length: LANES }, (_, lane) => new Lane(lane, random(seed + lane)))
  let acknowledged = 0
  for (let round = 0; round <= ROUNDS; round++) {
    const server = await startProcess(t, dir, 'sync')
    await using(server, async client => {
      const items = client.db('storm').collection<Doc>('items')
      await recover(client, items, lanes)
      if (round < ROUNDS) acknowledged += await storm(server, client, items, lanes, choose)
    })
    await server.end()
  }
  t.ok(acknowledged > ROUNDS * LANES, `${acknowledged} commands were acknowledged`)
})

/**
 * Inserts until the disk is full, and checks that everything acknowledged can be read then.
 *
 * @returns how many documents there are
 */
async function fillUp (t: Test, server: ServerProcess): Promise<number> {
  return using(server, async client => {
    const items = client.db('storm').collection<{ _id: number; text: string }>('full')
    const acknowledged: number[] = []
    let error: MongoServerError | undefined
    for (let first = 0; first < 10_000 && !error; first += 10) {
      const docs = Array.from({ length: 10 }, (_, i) => ({ _id: first + i, text: 'x'.repeat(50_000) }))
      await items.insertMany(docs).then(
        () => acknowledged.push(...docs.map(({ _id }) => _id)),
        (err: MongoServerError) => {
          error = err
        }
      )
    }
    t.match(error, { code: 14031, message: /space|full|large/i }, `OutOfDiskSpace: ${error?.message}`)
    const found = await items.find({}, { projection: { _id: 1 } }).toArray()
    t.same(
      acknowledged.filter(_id => !found.some(doc => doc._id === _id)),
      [],
      'every acknowledged document is readable beside the error'
    )
    await validate(client, 'full')
    return found.length
  })
}

async function countIs (t: Test, server: ServerProcess, expected: number, message: string): Promise<void> {
  await using(server, async client => {
    t.equal(await client.db('storm').collection('full').countDocuments(), expected, message)
    await validate(client, 'full')
  })
}

/** Mounts a file system. Where that is not permitted, the output says that this was not tested. */
function mount (t: Test, at: string, ...options: string[]): boolean {
  try {
    execFileSync('mount', [...options, at], { stdio: 'pipe' })
  } catch (err) {
    t.comment(`!!! NOT TESTED HERE: mounting is not permitted (${String(err).split('\n')[1] ?? 'no mount'})`)
    return false
  }
  t.teardown(() => execFileSync('umount', ['-l', at]))
  return true
}

test('a full disk is OutOfDiskSpace (14031); reads go on, and writes once there is room', async t => {
  const dir = await scratch(t)
  if (!mount(t, dir, '-t', 'tmpfs', '-o', 'size=16m', 'none')) return
  const server = await startProcess(t, dir, 'sync')
  const stored = await fillUp(t, server)
  execFileSync('mount', ['-o', 'remount,size=64m', dir])
  await using(server, client =>
    client
      .db('storm')
      .collection('full')
      .insertOne({ text: 'x'.repeat(50_000) })
  )
  await server.end('SIGKILL')
  const again = await startProcess(t, dir, 'sync')
  await countIs(t, again, stored + 1, 'and after a restart')
  await again.end()
})

test('a file that cannot grow (ulimit -f) is answered in the same way', async t => {
  const dir = await scratch(t)
  const limit = 16 * 2 ** 20
  const server = await startProcess(t, dir, 'sync', limit)
  const stored = await fillUp(t, server)
  await server.end('SIGKILL')
  const again = await startProcess(t, dir, 'sync', limit)
  await countIs(t, again, stored, 'and after a restart, with the file as full as before')
  await again.end()
})

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
