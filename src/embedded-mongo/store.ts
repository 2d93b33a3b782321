import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type RootDatabase, open } from 'lmdb'
import { MongoError } from './errors.js'
import { docVal } from './bson.js'
import { Catalog, type Collection, type Index } from './catalog.js'
import { type Keys, keysOf } from './index-keys.js'
import { duplicateKey } from './show.js'

/** Layout of the data file; a file of another version is refused. */
const FORMAT = '1'
const FORMAT_KEY = Buffer.from('\0format')
/** Longest time that one group of writes holds the thread before it commits, so that readers wait little. */
const GROUP_MS = 8
/** Entries removed in one go when a collection or an index is dropped. */
const PURGE_CHUNK = 500

interface Job { run: () => unknown, resolve: (value: never) => void, reject: (error: Error) => void, value?: unknown, error?: Error }

/** An entry of an index in the making or on its way out: its key in LMDB and the record that it points to. */
const TAIL = 6

export function docKey (collection: Collection, record: number): Buffer {
  const key = Buffer.allocUnsafe(11)
  key[0] = 1
  key.writeUInt32BE(collection.id, 1)
  key.writeUIntBE(record, 5, TAIL)
  return key
}

export function recordOf (key: Buffer): number { return key.readUIntBE(key.length - TAIL, TAIL) }

/** The bytes that all entries of an index or all documents of a collection begin with. */
export function prefix (kind: 1 | 2, id: number): Buffer {
  const key = Buffer.allocUnsafe(5)
  key[0] = kind
  key.writeUInt32BE(id, 1)
  return key
}

export function entryKey (index: Index, key: Buffer, record: number): Buffer {
  const size = 5 + key.length
  const out = Buffer.allocUnsafe(index.unique ? size : size + TAIL)
  out[0] = 2
  out.writeUInt32BE(index.id, 1)
  key.copy(out, 5)
  if (!index.unique) out.writeUIntBE(record, size, TAIL)
  return out
}

/**
 * Documents, indexes and catalog in one LMDB file. Reads see the last commit; all changes are made inside {@link write}, whose promise resolves
 * when they are on the disk.
 */
export class Store {
  readonly catalog: Catalog
  private readonly root: RootDatabase<Buffer, Buffer>
  private jobs: Job[] = []
  private writing: Promise<void> | undefined
  private holders = 0
  private readonly path: string

  constructor (dir: string, noSync = false) {
    this.path = join(dir, 'data.mdb')
    this.root = open<Buffer, Buffer>({ path: this.path, keyEncoding: 'binary', encoding: 'binary', noSubdir: true, noSync })
    const format = this.root.get(FORMAT_KEY)?.toString()
    if (format !== undefined && format !== FORMAT) throw new Error(`${this.path} has format version ${format}, this program reads version ${FORMAT}`)
    if (format === undefined) this.root.putSync(FORMAT_KEY, Buffer.from(FORMAT))
    this.catalog = new Catalog(this.root)
    this.write(() => this.catalog.dropUnfinished()).then(() => this.purge()).catch(() => {})
  }

  /** Runs `change` inside a transaction. Changes that arrive while one is being written to disk go together into the next. */
  async write<R> (change: () => R): Promise<R> {
    return await new Promise<R>((resolve, reject) => {
      this.jobs.push({ run: change, resolve, reject })
      this.start()
    })
  }

  private start (): void {
    if (this.jobs.length === 0 || this.holders > 0) return
    this.writing ??= this.commit(this.jobs).finally(() => {
      this.writing = undefined
      this.start()
    })
  }

  /** Keeps all other writes waiting while `run` reads and, with the `write` that it is given, writes. */
  async hold<R> (run: (write: Store['write']) => Promise<R>): Promise<R> {
    this.holders++
    while (this.writing !== undefined) await this.writing
    const running = run(async change => await new Promise((resolve, reject) => {
      this.commit([{ run: change, resolve, reject }]).catch(reject)
    }))
    this.writing = running.then(() => {}, () => {}).then(() => {
      this.writing = undefined
      this.holders--
      this.start()
    })
    return await running
  }

  private async commit (jobs: Job[]): Promise<void> {
    const group: Job[] = []
    try {
      await this.root.transaction(() => { this.runGroup(jobs, group) })
      await this.root.flushed
      for (const job of group) job.error === undefined ? job.resolve(job.value as never) : job.reject(job.error)
    } catch (error) {
      const failure = await commitError(error)
      this.root.resetReadTxn()
      this.catalog.load()
      for (const job of group) job.reject(failure)
    }
  }

  private runGroup (jobs: Job[], group: Job[]): void {
    const start = performance.now()
    do {
      const job = jobs.shift() as Job
      group.push(job)
      try {
        job.value = job.run()
      } catch (error) {
        job.error = error as Error
      }
    } while (jobs.length > 0 && performance.now() - start < GROUP_MS)
    this.catalog.saveCounts()
  }

  entry (key: Buffer): Buffer | undefined { return this.root.get(key) }
  document (collection: Collection, record: number): Buffer | undefined { return this.root.get(docKey(collection, record)) }

  /** Up to `limit` entries from `start` (inclusive) to `end` (exclusive), or backwards from before `end` down to `start`. */
  range (start: Buffer, end: Buffer, reverse: boolean, limit: number, maxBytes = Infinity): Array<[key: Buffer, value: Buffer]> {
    const out: Array<[Buffer, Buffer]> = []
    // lmdb's reverse ranges begin at their start inclusively and exclude their end, so the bounds are moved by one key.
    const options = reverse
      ? { start: end, end: start, reverse, limit: limit + 1, inclusiveEnd: true }
      : { start, end, limit }
    let bytes = 0
    for (const { key, value } of this.root.getRange(options)) {
      if (reverse && key.compare(end) >= 0) continue
      if (out.length === limit || bytes > maxBytes) break
      bytes += value.length
      out.push([key, value])
    }
    return out
  }

  /** Stores a new document. Inside {@link write} only; nothing is changed if it throws, as with the next two. */
  insert (collection: Collection, doc: Buffer): number {
    const record = collection.nextRecord
    const keys = this.checkedKeys(collection, doc, record)
    collection.nextRecord++
    this.root.putSync(docKey(collection, record), doc)
    for (const [index, { keys: added }] of keys) for (const key of added) this.putEntry(index, key, record)
    this.catalog.counted(collection, 1, doc.length)
    return record
  }

  replace (collection: Collection, record: number, before: Buffer, doc: Buffer): void {
    const keys = this.checkedKeys(collection, doc, record)
    for (const [index, { keys: added }] of keys) {
      const removed = new Map(keysOf(index.parts, docVal(before)).keys.map(key => [key.toString('latin1'), key]))
      for (const key of added) if (!removed.delete(key.toString('latin1')) || index.building) this.putEntry(index, key, record)
      for (const key of removed.values()) this.removeEntry(index, key, record)
    }
    this.root.putSync(docKey(collection, record), doc)
    this.catalog.counted(collection, 0, doc.length - before.length)
  }

  remove (collection: Collection, record: number, before: Buffer): void {
    for (const index of collection.indexes) {
      for (const key of keysOf(index.parts, docVal(before)).keys) this.removeEntry(index, key, record)
    }
    this.root.removeSync(docKey(collection, record))
    this.catalog.counted(collection, -1, -before.length)
  }

  /** Adds the entries of a stored document to one new index. */
  addToIndex (collection: Collection, index: Index, record: number, doc: Buffer): void {
    for (const key of this.checkedIndexKeys(collection, index, doc, record).keys) this.putEntry(index, key, record)
  }

  private checkedKeys (collection: Collection, doc: Buffer, record: number): Array<[Index, Keys]> {
    return collection.indexes.map(index => [index, this.checkedIndexKeys(collection, index, doc, record)])
  }

  private checkedIndexKeys (collection: Collection, index: Index, doc: Buffer, record: number): Keys {
    const keys = keysOf(index.parts, docVal(doc))
    if (index.unique) {
      for (const key of keys.keys) {
        const held = this.root.get(entryKey(index, key, record))
        if (held !== undefined && recordOf(held) !== record) throw duplicateKey(collection, index, doc, key)
      }
    }
    this.catalog.noteKeys(collection, index, keys)
    return keys
  }

  private putEntry (index: Index, key: Buffer, record: number): void {
    this.root.putSync(entryKey(index, key, record), index.unique ? recordBytes(record) : Buffer.alloc(0))
  }

  private removeEntry (index: Index, key: Buffer, record: number): void {
    const entry = entryKey(index, key, record)
    // An index in the making may hold another document's entry for this key.
    if (index.building && index.unique) {
      const held = this.root.get(entry)
      if (held === undefined || recordOf(held) !== record) return
    }
    this.root.removeSync(entry)
  }

  /** Deletes what is left of dropped collections and indexes, in small transactions. */
  async purge (): Promise<void> {
    for (let dead = this.catalog.nextDropped(); dead !== undefined; dead = this.catalog.nextDropped()) {
      const [kind, id] = dead
      await this.write(() => {
        const entries = this.range(prefix(kind, id), prefix(kind, id + 1), false, PURGE_CHUNK)
        for (const [key] of entries) this.root.removeSync(key)
        if (entries.length === 0) this.catalog.purged(kind, id)
      })
    }
  }

  get fileSize (): number { return statSync(this.path).size }

  /** Waits for the writes in progress. */
  async close (): Promise<void> {
    while (this.writing !== undefined) await this.writing
    await this.root.close()
  }
}

function recordBytes (record: number): Buffer {
  const out = Buffer.allocUnsafe(TAIL)
  out.writeUIntBE(record, 0, TAIL)
  return out
}

/** lmdb says why a commit failed in a second promise. */
async function commitError (error: unknown): Promise<Error> {
  const reason = await Promise.resolve((error as { commitError?: Promise<never> }).commitError).then(() => error as Error, (why: Error) => why)
  if (/no space|disk full|ENOSPC|quota/i.test(reason.message)) return new MongoError(14031, `the disk is full, nothing was written: ${reason.message}`)
  return new MongoError(1, `writing failed: ${reason.message}`)
}
