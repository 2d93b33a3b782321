import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type RootDatabase, open } from 'lmdb'
import { MongoError } from './errors.js'
import { docVal, show } from './bson.js'
import type { Plain } from './build.js'
import { Catalog, type Collection, type Index, prefix } from './catalog.js'
import { type Keys, keysOf, slotsOf } from './index-keys.js'
import { after } from './keystring.js'

/** Layout of the data file; a file of another version is refused. */
const FORMAT = '1'
const FORMAT_KEY = Buffer.from('\0format')
/** Longest time that a group of writes holds the thread before it commits. */
const GROUP_MS = 8
/** Entries of a dropped collection or index that are removed in one transaction. */
const PURGE_CHUNK = 500
/** Bytes of a document's number. */
const RECORD = 6

interface Job { run: () => unknown, resolve: (value: never) => void, reject: (error: Error) => void, value?: unknown, error?: Error }

function numbered (start: Buffer, key: Buffer, record?: number): Buffer {
  const out = Buffer.allocUnsafe(start.length + key.length + (record === undefined ? 0 : RECORD))
  start.copy(out)
  key.copy(out, start.length)
  if (record !== undefined) out.writeUIntBE(record, out.length - RECORD, RECORD)
  return out
}

const NOTHING = Buffer.alloc(0)

/** Documents: 1, collection, number. */
export function docKey (collection: Collection, record: number): Buffer { return numbered(prefix(1, collection.id), NOTHING, record) }
/** Index entries: 2, index, key, and unless unique the document's number. */
export function entryKey (index: Index, key: Buffer, record: number): Buffer { return numbered(index.prefix, key, index.unique ? undefined : record) }
/** The number at the end of a key, or of a unique index's value. */
export function recordOf (bytes: Buffer): number { return bytes.readUIntBE(bytes.length - RECORD, RECORD) }
/** The first key after this one. */
export function next (key: Buffer): Buffer { return Buffer.concat([key, Buffer.alloc(1)]) }

/** Documents, indexes and catalog in one LMDB file. Reads see the last commit; changes are made inside {@link write} only. */
export class Store {
  readonly catalog: Catalog
  private readonly root: RootDatabase<Buffer, Buffer>
  private readonly path: string
  private readonly jobs: Job[] = []
  private writing: Promise<void> | undefined
  private holders = 0
  private closing = false

  /** Opens or makes the file. Throws an Error of one line for another format. @param noSync see {@link EmbeddedMongoOptions} */
  constructor (dir: string, noSync = false) {
    this.path = join(dir, 'data.mdb')
    checkFile(this.path)
    this.root = open<Buffer, Buffer>({ path: this.path, keyEncoding: 'binary', encoding: 'binary', noSubdir: true, noSync, eventTurnBatching: false })
    const format = this.root.get(FORMAT_KEY)?.toString()
    if (format !== undefined && format !== FORMAT) throw new Error(`${this.path} has format version ${format}, this program reads version ${FORMAT}`)
    if (format === undefined) this.root.putSync(FORMAT_KEY, Buffer.from(FORMAT))
    this.catalog = new Catalog(this.root)
    this.purge()
  }

  /** Runs `change` inside a transaction and resolves when it is on the disk. Changes that come while one is written go together into the next. */
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

  /** Keeps all other writes waiting while `run` reads, lets readers in, and writes by the function that it is given. */
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
      // lmdb says why in a second promise.
      const reason = await Promise.resolve((error as { commitError?: Promise<never> }).commitError).then(() => error as Error, (why: Error) => why)
      this.root.resetReadTxn()
      this.catalog.load()
      // LMDB reports a write that the disk cut short as an I/O error.
      const full = /no space|input.output|too large|quota/i.test(reason.message)
      for (const job of group) job.reject(new MongoError(full ? 14031 : 1, `nothing was written${full ? ', the disk is probably full' : ''}: ${reason.message}`))
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
    this.catalog.save()
  }

  entry (key: Buffer): Buffer | undefined { return this.root.get(key) }
  document (collection: Collection, record: number): Buffer | undefined { return this.root.get(docKey(collection, record)) }

  /** Up to `limit` entries from `start` to before `end`, or backwards from before `end` down to `start`; fewer if they have more than `maxBytes`. */
  range (start: Buffer, end: Buffer, reverse: boolean, limit: number, maxBytes: number): Array<[key: Buffer, value: Buffer]> {
    const out: Array<[Buffer, Buffer]> = []
    let bytes = 0
    // A reverse range of lmdb includes its start, which here is the end.
    for (const { key, value } of this.root.getRange(reverse ? { start: end, end: start, reverse, limit: limit + 1, inclusiveEnd: true } : { start, end, limit })) {
      if (reverse && key.compare(end) >= 0) continue
      if (out.length === limit || bytes > maxBytes) break
      bytes += value.length
      out.push([key, value])
    }
    return out
  }

  /** Stores a new document; like the next two it changes nothing if it throws. */
  insert (collection: Collection, doc: Buffer): void {
    const record = collection.nextRecord
    const keys = collection.indexes.map((index): [Index, Keys] => [index, keysOf(index.parts, docVal(doc))])
    const held: Buffer[] = []
    for (const [index, { keys: wanted }] of keys) {
      for (const key of index.unique ? wanted : []) {
        const entry = entryKey(index, key, record)
        // Tried, not looked up before: one search instead of two. lmdb tells whether it was put, its types don't.
        if (this.root.putSync(entry, numbered(NOTHING, NOTHING, record), { noOverwrite: true }) as unknown === true) held.push(entry)
        else {
          for (const undone of held) this.root.removeSync(undone)
          throw duplicateKey(collection, index, doc, key)
        }
      }
    }
    collection.nextRecord++
    this.root.putSync(docKey(collection, record), doc)
    for (const [index, added] of keys) {
      if (!index.unique) this.putEntries(index, added.keys, record)
      this.catalog.noteKeys(index, added)
    }
    this.catalog.counted(collection, 1, doc.length)
  }

  replace (collection: Collection, record: number, before: Buffer, doc: Buffer): void {
    const keys = collection.indexes.map((index): [Index, Keys] => [index, this.checkedKeys(collection, index, record, doc)])
    for (const [index, { keys: wanted }] of keys) {
      const old = new Map(keysOf(index.parts, docVal(before)).keys.map(key => [key.toString('latin1'), key]))
      this.putEntries(index, wanted.filter(key => !old.delete(key.toString('latin1'))), record)
      for (const key of old.values()) this.root.removeSync(entryKey(index, key, record))
    }
    this.root.putSync(docKey(collection, record), doc)
    this.catalog.counted(collection, 0, doc.length - before.length)
  }

  remove (collection: Collection, record: number, before: Buffer): void {
    for (const index of collection.indexes) for (const key of keysOf(index.parts, docVal(before)).keys) this.root.removeSync(entryKey(index, key, record))
    this.root.removeSync(docKey(collection, record))
    this.catalog.counted(collection, -1, -before.length)
  }

  /** Adds a stored document to a new index. */
  addToIndex (collection: Collection, index: Index, record: number, doc: Buffer): void {
    this.putEntries(index, this.checkedKeys(collection, index, record, doc).keys, record)
  }

  private checkedKeys (collection: Collection, index: Index, record: number, doc: Buffer): Keys {
    const keys = keysOf(index.parts, docVal(doc))
    for (const key of index.unique ? keys.keys : []) {
      const held = this.root.get(entryKey(index, key, record))
      if (held !== undefined && recordOf(held) !== record) throw duplicateKey(collection, index, doc, key)
    }
    this.catalog.noteKeys(index, keys)
    return keys
  }

  private putEntries (index: Index, keys: Buffer[], record: number): void {
    for (const key of keys) this.root.putSync(entryKey(index, key, record), index.unique ? numbered(NOTHING, NOTHING, record) : NOTHING)
  }

  /** Removes what is left of dropped collections and indexes, in small transactions, meanwhile. What fails is tried again at the next start. */
  purge (): void {
    if (this.closing || this.catalog.dropped.length === 0) return
    this.write(() => {
      const [dead = [1, 0]] = this.catalog.dropped
      const entries = this.range(prefix(...dead), after(prefix(...dead)), false, PURGE_CHUNK, Infinity)
      for (const [key] of entries) this.root.removeSync(key)
      if (entries.length === 0) this.catalog.purged(dead)
    }).then(() => { this.purge() }, () => {})
  }

  get fileSize (): number { return statSync(this.path).size }

  /** Waits for the writes in progress. */
  async close (): Promise<void> {
    this.closing = true
    while (this.writing !== undefined) await this.writing
    await this.root.close()
  }
}

/** lmdb ends the process over a file that is not its own. Throws an Error of one line. */
function checkFile (path: string): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return
  const head = Buffer.alloc(32)
  const file = openSync(path, 'r')
  readSync(file, head)
  closeSync(file)
  // LMDB's magic number, 0xBEEFC0DE, follows the header of the first page.
  if (!head.includes(Buffer.from('dec0efbe', 'hex'))) throw new Error(`${path} is not a data file of the embedded server`)
}

/** E11000 for a key that another document holds. */
function duplicateKey (collection: Collection, index: Index, doc: Buffer, key: Buffer): MongoError {
  const slots = slotsOf(index.parts, docVal(doc), key)
  const shown = index.key.map(([path], i) => `${path}: ${slots[i] === undefined ? 'null' : show(slots[i])}`).join(', ')
  const keyValue = new Map<string, Plain>(index.key.map(([path], i) => [path, slots[i] ?? null]))
  return new MongoError(11000, `E11000 duplicate key error collection: ${collection.ns} index: ${index.name} dup key: { ${shown} }`, { keyPattern: new Map(index.key), keyValue })
}
