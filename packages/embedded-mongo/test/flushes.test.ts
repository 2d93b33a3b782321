// No read sees a write before its flush, and no read waits for a flush: what leaves the server is on the
// disk.
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MongoClient, type Db } from 'mongodb'
import { test, type Test } from 'tap'
import { scratch, startProcess } from './helper.js'

interface Item {
  _id: number
  n: number
}

/** Writes whose flush the test holds, by name. */
const WRITES: Record<string, (db: Db) => Promise<unknown>> = {
  insert: db => db.collection<Item>('items').insertOne({ _id: 4, n: 4 }),
  'ordered batch': db =>
    db.collection<Item>('items').insertMany([
      { _id: 5, n: 5 },
      { _id: 6, n: 6 }
    ]),
  update: db => db.collection<Item>('items').updateOne({ _id: 1 }, { $set: { n: 100 } }),
  'find and modify': db => db.collection<Item>('items').findOneAndUpdate({ _id: 2 }, { $inc: { n: 200 } }),
  delete: db => db.collection<Item>('items').deleteOne({ _id: 3 }),
  'first insert of a collection': db => db.collection<Item>('fresh').insertOne({ _id: 1, n: 1 }),
  drop: db => db.collection('doomed').drop()
}

/** Reads everything in every way. */
async function readAll (db: Db): Promise<unknown> {
  const items = db.collection<Item>('items')
  const majority = { readConcern: 'majority' as const }
  const { executionStats } = await items.find().explain('executionStats')
  const pipeline = [{ $match: { n: { $gte: 0 } } }]
  return {
    find: await items.find().toArray(),
    getMore: await items.find({}, { batchSize: 1, ...majority }).toArray(),
    index: await items.find({}, majority).sort({ n: -1 }).toArray(),
    single: await Promise.all([1, 2, 3, 4, 5].map(async _id => await items.findOne({ _id }, majority))),
    count: await items.countDocuments(),
    countSome: await items.countDocuments({ n: { $gt: 0 } }, majority),
    estimated: await items.estimatedDocumentCount(),
    distinct: await items.distinct('n', {}, majority),
    aggregate: await items.aggregate(pipeline, majority).toArray(),
    explain: executionStats.nReturned,
    fresh: await db.collection('fresh').find().toArray(),
    doomed: await db.collection('doomed').find().toArray(),
    collections: (await db.listCollections().toArray()).map(({ name }) => name).sort(),
    sizes: (await db.admin().listDatabases()).databases
  }
}

async function appears (folder: string, name: string): Promise<void> {
  await new Promise<void>(resolve => {
    const watcher = watch(folder, check)
    function check (): void {
      if (!existsSync(join(folder, name))) return
      watcher.close()
      resolve()
    }
    check()
  })
}

/** Builds the library that holds flushes. */
async function gateLibrary (t: Test): Promise<string | undefined> {
  const library = join(await scratch(t), 'flush-gate.so')
  try {
    const source = join(process.cwd(), 'packages/embedded-mongo/test/flush-gate.c')
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], { stdio: 'pipe' })
    return library
  } catch (error) {
    t.comment(`!!! NOT TESTED HERE: the library that holds flushes could not be built: ${String(error)}`)
    return undefined
  }
}

/** Where a commit is held: before its pages are flushed, or before its meta page is. */
for (const part of ['data', 'meta']) {
  test(`no read sees a write before its ${part} is flushed, and no read waits`, async t => {
    const library = process.platform === 'linux' ? await gateLibrary(t) : undefined
    if (library === undefined) return
    const gate = await scratch(t)
    const hold = join(gate, `hold-${part}`)
    t.teardown(() => rmSync(hold, { force: true }))
    const server = await startProcess(t, await scratch(t), 'sync', undefined, {
      LD_PRELOAD: library,
      FLUSH_GATE: gate
    })
    const client = await MongoClient.connect(server.url)
    t.teardown(() => client.close())
    const db = client.db('flushes')
    await db.collection<Item>('items').insertMany([1, 2, 3].map(_id => ({ _id, n: _id })))
    await db.collection('items').createIndex({ n: 1 })
    await db.collection<Item>('doomed').insertOne({ _id: 1, n: 1 })
    for (const [name, write] of Object.entries(WRITES)) {
      const before = await readAll(db)
      writeFileSync(hold, '')
      let answered = false
      const writing = write(db).finally(() => {
        answered = true
      })
      await appears(gate, `held-${part}`)
      t.same(await readAll(db), before, `${name}: reads see what was on the disk before`)
      t.notOk(answered, `${name}: no answer before the flush`)
      rmSync(hold)
      await writing
      t.notSame(await readAll(db), before, `${name}: a read after the answer sees it`)
    }
    await client.close()
    await server.end()
  })
}
