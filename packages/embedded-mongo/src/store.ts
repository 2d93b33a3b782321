import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { show } from './bson.js'
import { docVal } from './bson-value.js'
import { Catalog } from './catalog.js'
import type { Collection, Index } from './collection.js'
import { openDataFile } from './data-file.js'
import { MongoError } from './errors.js'
import { keysOf, slotsOf } from './index-keys.js'
import { after } from './keystring.js'
import { documentKey, entryKey, entryValue, next, prefixOf } from './record-keys.js'
import { type Write, WriteQueue } from './write-queue.js'

/** Entries of a dropped collection or index that are removed in one transaction. */
const PURGE_CHUNK = 500

export type Entries = Array<[key: Buffer, value: Buffer]>

/**
 * Documents, indexes and catalog in one LMDB file. Reads see the last commit that is on the disk. Change
 * something only inside {@link write} or {@link hold}.
 */
export class Store {
  readonly catalog: Catalog
  readonly #path: string
  readonly #root: RootDatabase<Buffer, Buffer>
  readonly #queue: WriteQueue
  #closing = false

  constructor (path: string, root: RootDatabase<Buffer, Buffer>) {
    this.#path = path
    this.#root = root
    this.catalog = new Catalog(root)
    this.#queue = new WriteQueue(async changes => await this.#commit(changes), () => this.#purge())
    this.#purge()
  }

  /**
   * Opens the data file in a directory, or makes it.
   *
   * @param noSync writes without flushes
   * @throws Error with a message of one line if the file belongs to another program or has another format
   */
  static async open (dir: string, noSync = false): Promise<Store> {
    const path = join(dir, 'data.mdb')
    return new Store(path, await openDataFile(path, noSync))
  }

  get fileSize (): number { return statSync(this.#path).size }

  /**
   * Runs `change` inside a transaction and resolves when it is on the disk. Changes that arrive while another
   * one is written go together into the next transaction.
   */
  async write<R> (change: () => R): Promise<R> {
    return await this.#queue.write(change)
  }

  /**
   * Keeps all other writes waiting while `run` reads and lets readers in; `run` writes by the function that
   * it gets.
   */
  async hold<R> (run: (write: Write) => Promise<R>): Promise<R> {
    return await this.#queue.hold(run)
  }

  /** Waits for the writes in progress. */
  async close (): Promise<void> {
    this.#closing = true
    await this.#queue.inTurn(async () => await this.#root.close())
  }

  entry (key: Buffer): Buffer | undefined {
    return this.#root.get(key)
  }

  document (collection: Collection, record: number): Buffer | undefined {
    return this.#root.get(documentKey(collection, record))
  }

  /**
   * Reads up to `limit` entries from `start` to before `end`; in reverse from before `end` down to `start`.
   * It reads fewer if their values have more than `maxBytes`.
   */
  range (start: Buffer, end: Buffer, reverse: boolean, limit: number, maxBytes: number): Entries {
    const out: Entries = []
    let bytes = 0
    const options = reverse
      ? { start: end, end: start, limit, reverse, exclusiveStart: true, inclusiveEnd: true }
      : { start, end, limit }
    for (const { key, value } of this.#root.getRange(options)) {
      out.push([key, value])
      bytes += value.length
      if (bytes > maxBytes) break
    }
    return out
  }

  /**
   * Whether there are more than `n` entries from `start` to before `end`. LMDB skips them without reading
   * values.
   */
  isLonger (start: Buffer, end: Buffer, n: number): boolean {
    return [...this.#root.getKeys({ start, end, offset: n, limit: 1 })].length > 0
  }

  /** Reads all entries whose keys begin with `prefix`, in chunks between which the reader may wait. */
  * chunks (prefix: Buffer, limit: number, maxBytes: number): Generator<Entries, void> {
    const end = after(prefix)
    let start = prefix
    while (true) {
      const chunk = this.range(start, end, false, limit, maxBytes)
      const last = chunk.at(-1)
      if (last === undefined) return
      yield chunk
      start = next(last[0])
    }
  }

  /**
   * Stores, replaces or removes a document, with its index entries. Changes nothing if it throws.
   *
   * @param before the stored document; undefined stores a new one
   * @param doc the new content; undefined removes the document
   */
  change (collection: Collection, record: number, before: Buffer | undefined, doc: Buffer | undefined): void {
    this.index(collection, collection.indexes, record, before, doc)
    const key = documentKey(collection, record)
    if (doc === undefined) this.#root.removeSync(key)
    else this.#root.putSync(key, doc)
    collection.nextRecord = Math.max(collection.nextRecord, record + 1)
    collection.count += Number(doc !== undefined) - Number(before !== undefined)
    collection.size += (doc?.length ?? 0) - (before?.length ?? 0)
  }

  /**
   * Adds and removes the entries of these indexes for the change of a document. Changes nothing if it throws.
   *
   * @throws MongoError DuplicateKey (11000), and the errors of `keysOf`
   */
  index (
    collection: Collection, indexes: Index[], record: number,
    before: Buffer | undefined, doc: Buffer | undefined
  ): void {
    const changes = indexes.map(index => {
      const old = before === undefined ? [] : keysOf(index.parts, docVal(before))
      const wanted = doc === undefined ? [] : keysOf(index.parts, docVal(doc), index.multikey)
      return { index, added: without(wanted, old), removed: without(old, wanted) }
    })
    const put: Buffer[] = []
    for (const { index, added } of changes) {
      const value = entryValue(index, record)
      for (const key of added) {
        const entry = entryKey(index, key, record)
        if (this.#putNew(entry, value)) {
          put.push(entry)
          continue
        }
        for (const undone of put) this.#root.removeSync(undone)
        throw duplicateKey(collection, index, doc as Buffer, key)
      }
    }
    for (const { index, removed } of changes) {
      for (const key of removed) this.#root.removeSync(entryKey(index, key, record))
    }
  }

  /**
   * Puts an entry unless its key exists: one search instead of a look-up and a put.
   *
   * @returns whether it was put
   */
  #putNew (entry: Buffer, value: Buffer): boolean {
    // lmdb's types do not say that this returns a boolean.
    const result: unknown = this.#root.putSync(entry, value, { noOverwrite: true })
    return result === true
  }

  /** @throws MongoError OutOfDiskSpace (14031) or InternalError (1), with nothing written */
  async #commit (changes: () => void): Promise<void> {
    try {
      await this.#root.transaction(() => this.catalog.change(changes))
    } catch (error) {
      const failure = await commitFailure(error as Error)
      this.#root.resetReadTxn()
      this.catalog.load()
      throw failure
    }
    this.catalog.publish()
  }

  /**
   * Removes a part of what is left of a dropped collection or index. It runs where no other change waits, and
   * again after the commit of the part. If it fails, it runs again after the next commit.
   */
  #purge (): void {
    if (this.#closing || this.catalog.dropped.length === 0) return
    this.write(() => {
      const [dead] = this.catalog.dropped
      if (dead === undefined) return
      const prefix = prefixOf(dead)
      const entries = this.range(prefix, after(prefix), false, PURGE_CHUNK, Infinity)
      for (const [key] of entries) this.#root.removeSync(key)
      if (entries.length === 0) this.catalog.purged([dead])
    }).catch(() => {})
  }
}

async function commitFailure (error: Error & { commitError?: Promise<never> }): Promise<MongoError> {
  let reason = error
  try {
    await error.commitError // rejects with lmdb's reason
  } catch (cause) {
    reason = cause as Error
  }
  // LMDB reports a write that the disk cut short as an I/O error.
  const isDiskFull = /no space|input.output|too large|quota/i.test(reason.message)
  if (isDiskFull) {
    return new MongoError(14031, `nothing was written, the disk is probably full: ${reason.message}`)
  }
  return new MongoError(1, `nothing was written: ${reason.message}`)
}

function without (keys: Buffer[], others: Buffer[]): Buffer[] {
  if (keys.length === 0 || others.length === 0) return keys
  const known = new Set(others.map(key => key.toString('latin1')))
  return keys.filter(key => !known.has(key.toString('latin1')))
}

function duplicateKey (
  collection: Collection, { name, key: pattern, parts }: Index, doc: Buffer, key: Buffer
): MongoError {
  const slots = slotsOf(parts, docVal(doc), key)
  const keyValue = new Map(slots.map((slot, i) => [pattern[i]?.[0] as string, slot ?? null]))
  const shown = [...keyValue].map(([path, value]) => `${path}: ${value === null ? 'null' : show(value)}`)
  const index = `E11000 duplicate key error collection: ${collection.ns} index: ${name}`
  return new MongoError(11000, `${index} dup key: { ${shown.join(', ')} }`, {
    keyPattern: new Map(pattern), keyValue
  })
}
