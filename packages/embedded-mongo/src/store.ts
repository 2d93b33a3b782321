import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type RootDatabase, type RootDatabaseOptionsWithPath, open } from 'lmdb'
import { MongoError } from './errors.js'
import { docVal, show } from './bson.js'
import { Catalog, type Collection, type Index, prefix } from './catalog.js'
import { keysOf, slotsOf } from './index-keys.js'
import { after } from './keystring.js'

/** Layout of the data file; a file of another version is refused. */
const [FORMAT, FORMAT_KEY] = ['2', Buffer.from('\0format')]
const GROUP_MS = 8 // longest time that a group of writes holds the thread before it commits
const PURGE_CHUNK = 500 // entries of a dropped collection or index that are removed in one transaction
const RECORD = 6 // bytes of a document's number
export const NOTHING = Buffer.alloc(0)
/** A change that waits for its transaction. Run inside it, it gives what answers it afterwards: with its outcome, or with the transaction's failure. */
type Job = () => (failure?: Error) => void
const jobFor = <R>(change: () => R, resolve: (value: R) => void, reject: (error: unknown) => void): Job => () => {
  try {
    const value = change()
    return failure => { failure === undefined ? resolve(value) : reject(failure) }
  } catch (error) { return failure => { reject(failure ?? error) } }
}
/** Bytes one after the other, and a document's number. */
export function numbered (start: Buffer, key: Buffer, record?: number): Buffer {
  const out = Buffer.allocUnsafe(start.length + key.length + (record === undefined ? 0 : RECORD))
  key.copy(out, start.copy(out))
  if (record !== undefined) out.writeUIntBE(record, out.length - RECORD, RECORD)
  return out
}

/** Of a document: 1, collection, number. */
const docKey = (collection: Collection, record: number): Buffer => numbered(collection.prefix, NOTHING, record)
/** Of an index entry: 1, index, key, and unless unique the document's number. */
export const entryKey = (index: Index, key: Buffer, record: number): Buffer => numbered(index.prefix, key, index.unique ? undefined : record)
/** The number at the end of a key, or of a unique index's value. */
export const recordOf = (bytes: Buffer): number => bytes.readUIntBE(bytes.length - RECORD, RECORD)
/** The first key after this one. */
export const next = (key: Buffer): Buffer => Buffer.concat([key, Buffer.alloc(1)])
/** Documents, indexes and catalog in one LMDB file. Reads see the last commit that is on the disk; changes are
  * made inside {@link write} only. */
export class Store {
  readonly catalog: Catalog
  private readonly root: RootDatabase<Buffer, Buffer>
  private readonly path: string
  private readonly jobs: Job[] = []
  private last: Promise<unknown> = Promise.resolve()
  private closing = false
  private constructor (dir: string, noSync: boolean) {
    this.path = join(dir, 'data.mdb')
    // lmdb's default, overlapping sync, shows commits to readers before the flush; a power cut undoes them.
    const sync = { noSync, overlappingSync: false }
    this.root = open<Buffer, Buffer>({ ...options(this.path), ...sync, eventTurnBatching: false })
    const format = this.root.get(FORMAT_KEY)?.toString()
    if (format !== undefined && format !== FORMAT) throw new Error(`${this.path} has format version ${format}, this program reads version ${FORMAT}`)
    if (format === undefined) this.root.putSync(FORMAT_KEY, Buffer.from(FORMAT))
    this.catalog = new Catalog(this.root)
    this.purge()
  }

  /** Opens or makes the file. Throws an Error of one line for another format. @param noSync no flushes */
  static async open (dir: string, noSync = false): Promise<Store> {
    const path = join(dir, 'data.mdb')
    // Earlier versions wrote with overlapping sync; only that mode drops what a power cut left unfinished.
    if (checkFile(path) > 0) await open(options(path)).close()
    return new Store(dir, noSync)
  }

  /** Runs one after the other, in the order in which they come. */
  private async inTurn<R> (run: () => Promise<R>): Promise<R> {
    const running = this.last.then(run)
    this.last = running.catch(() => {})
    return await running
  }

  /** Runs `change` inside a transaction and resolves when it is on the disk. Changes that come while one is written go together into the next. */
  async write<R> (change: () => R): Promise<R> {
    return await new Promise<R>((resolve, reject) => {
      this.jobs.push(jobFor(change, resolve, reject))
      this.inTurn(async () => { await this.commit(this.jobs) }).catch(reject)
    })
  }

  /** Keeps all other writes waiting while `run` reads, lets readers in, and writes by the function that it is given. */
  async hold<R> (run: (write: Store['write']) => Promise<R>): Promise<R> {
    return await this.inTurn(async () => await run(async change => await new Promise((resolve, reject) => {
      this.commit([jobFor(change, resolve, reject)]).catch(reject)
    })))
  }

  /** Runs the jobs, as many as the time allows, in one transaction. */
  private async commit (jobs: Job[]): Promise<void> {
    const answers: Array<ReturnType<Job>> = []
    const runGroup = (): void => {
      const end = performance.now() + GROUP_MS
      do answers.push((jobs.shift() as Job)())
      while (jobs.length > 0 && performance.now() < end)
    }
    try {
      if (jobs.length > 0) await this.root.transaction(() => { this.catalog.change(runGroup) })
      this.catalog.publish()
      for (const answer of answers) answer()
      if (answers.length > 0 && this.jobs.length === 0) this.purge()
    } catch (error) {
      // lmdb says why in a second promise.
      const reason = await Promise.resolve((error as { commitError?: Promise<never> }).commitError).then(() => error as Error, (why: Error) => why)
      // LMDB reports a write that the disk cut short as an I/O error.
      const code = /no space|input.output|too large|quota/i.test(reason.message) ? 14031 : 1
      const failure = new MongoError(code, `nothing was written${code === 1 ? '' : ', the disk is probably full'}: ${reason.message}`)
      this.root.resetReadTxn()
      this.catalog.load()
      for (const answer of answers) answer(failure)
    }
  }

  get fileSize (): number { return statSync(this.path).size }
  entry (key: Buffer): Buffer | undefined { return this.root.get(key) }
  document (collection: Collection, record: number): Buffer | undefined { return this.root.get(docKey(collection, record)) }
  /** Up to `limit` entries from `start` to before `end`, or backwards from before `end` down to `start`; fewer if they have more than `maxBytes`. */
  range (start: Buffer, end: Buffer, reverse: boolean, limit: number, maxBytes: number): Array<[key: Buffer, value: Buffer]> {
    const out: Array<[Buffer, Buffer]> = []
    let bytes = 0
    const options = reverse ? { start: end, end: start, limit, reverse, exclusiveStart: true, inclusiveEnd: true } : { start, end, limit }
    for (const { key, value } of this.root.getRange(options)) {
      out.push([key, value])
      if ((bytes += value.length) > maxBytes) break
    }
    return out
  }

  /** Whether there are more than `n` entries from `start` to before `end`: counted inside LMDB, fast. */
  isLonger (start: Buffer, end: Buffer, n: number): boolean {
    return [...this.root.getKeys({ start, end, offset: n, limit: 1 })].length > 0
  }

  /** All entries whose keys begin with this, in chunks between which others may be let in. */
  * chunks (prefix: Buffer, limit: number, maxBytes: number): Generator<Array<[key: Buffer, value: Buffer]>, void> {
    const read = (start: Buffer): Array<[Buffer, Buffer]> => this.range(start, after(prefix), false, limit, maxBytes)
    for (let chunk = read(prefix); chunk.length > 0; chunk = read(next(chunk.at(-1)?.[0] as Buffer))) yield chunk
  }

  /** Stores a new document (nothing is before), replaces or removes one (nothing is after), with its index entries. Changes nothing if it throws. */
  change (collection: Collection, record: number, before: Buffer | undefined, doc: Buffer | undefined): void {
    this.index(collection, collection.indexes, record, before, doc)
    if (doc === undefined) this.root.removeSync(docKey(collection, record))
    else this.root.putSync(docKey(collection, record), doc)
    collection.nextRecord = Math.max(collection.nextRecord, record + 1)
    collection.count += Number(doc !== undefined) - Number(before !== undefined)
    collection.size += (doc?.length ?? 0) - (before?.length ?? 0)
  }

  /** Adds and removes the entries of these indexes that a change of a document asks for. Changes nothing if it throws. */
  index (collection: Collection, indexes: Index[], record: number, before: Buffer | undefined, doc: Buffer | undefined): void {
    const changes = indexes.map(index => {
      const old = before === undefined ? [] : keysOf(index.parts, docVal(before))
      const wanted = doc === undefined ? [] : keysOf(index.parts, docVal(doc), index.multikey)
      return { index, added: without(wanted, old), removed: without(old, wanted) }
    })
    const held: Buffer[] = []
    for (const { index, added } of changes) {
      const value = index.unique ? numbered(NOTHING, NOTHING, record) : NOTHING
      for (const key of added) {
        const entry = entryKey(index, key, record)
        // Tried, not looked up before: one search instead of two. lmdb tells whether it was put, its types don't.
        if (this.root.putSync(entry, value, { noOverwrite: true }) as unknown === true && held.push(entry) > 0) continue
        for (const undone of held) this.root.removeSync(undone)
        throw duplicateKey(collection, index, doc as Buffer, key)
      }
    }
    for (const { index, removed } of changes) for (const key of removed) this.root.removeSync(entryKey(index, key, record))
  }

  /** Removes what is left of a dropped collection or index, a part at a time, where no other change waits. What fails is tried again after the next one. */
  private purge (): void {
    if (this.closing || this.catalog.dropped.length === 0) return
    this.write(() => {
      const [dead = 0] = this.catalog.dropped
      const entries = this.range(prefix(dead), after(prefix(dead)), false, PURGE_CHUNK, Infinity)
      for (const [key] of entries) this.root.removeSync(key)
      if (entries.length === 0) this.catalog.purged([dead])
    }).catch(() => {})
  }

  /** Waits for the writes in progress. */
  async close (): Promise<void> {
    this.closing = true
    await this.inTurn(async () => { await this.root.close() })
  }
}

function without (keys: Buffer[], others: Buffer[]): Buffer[] {
  if (keys.length === 0 || others.length === 0) return keys
  const known = new Set(others.map(key => key.toString('latin1')))
  return keys.filter(key => !known.has(key.toString('latin1')))
}

const options = (path: string): RootDatabaseOptionsWithPath =>
  ({ path, keyEncoding: 'binary', encoding: 'binary', noSubdir: true })

/** lmdb ends the process over a file of another program. Throws an Error of one line. @returns bytes of its head */
function checkFile (path: string): number {
  const [head, file] = [Buffer.alloc(32), openSync(path, 'a+', 0o600)]
  const length = readSync(file, head, 0, 32, 0)
  closeSync(file)
  // LMDB's magic number, 0xBEEFC0DE, follows the header of the first page.
  if (length > 0 && !head.includes(Buffer.from('dec0efbe', 'hex'))) throw new Error(`${path} is not a data file of the embedded server`)
  return length
}

/** E11000 for a key that another document holds. */
function duplicateKey (collection: Collection, { name, key: pattern, parts }: Index, doc: Buffer, key: Buffer): MongoError {
  const keyValue = new Map(slotsOf(parts, docVal(doc), key).map((slot, i) => [pattern[i]?.[0] as string, slot ?? null]))
  const shown = [...keyValue].map(([path, value]) => `${path}: ${value === null ? 'null' : show(value)}`).join(', ')
  const message = `E11000 duplicate key error collection: ${collection.ns} index: ${name} dup key: { ${shown} }`
  return new MongoError(11000, message, { keyPattern: new Map(pattern), keyValue })
}
