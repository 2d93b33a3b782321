import type { RootDatabase } from 'lmdb'
import { MongoError } from './errors.js'
import { toVal } from './build.js'
import { type KeyPart, type Keys, keyParts } from './index-keys.js'

export interface IndexSpec { name: string, key: Array<[path: string, direction: number]>, unique: boolean }
/** `multikey`: for each part of the key whether some document had an array there; `cut`: whether some key was too long. Neither goes back. */
export interface Index extends IndexSpec { id: number, multikey: boolean[], cut: boolean, parts: KeyPart[], prefix: Buffer }
/** `size` is the bytes of all documents; `nextRecord` numbers the next one. */
export interface Collection { ns: string, db: string, name: string, id: number, indexes: Index[], nextRecord: number, count: number, size: number, dropped: boolean }
/** A collection (1) or an index (2) of which something may be left. */
export type Dropped = [kind: 1 | 2, id: number]

interface Stored { nextId: number, dropped: Dropped[], collections: Array<Pick<Collection, 'db' | 'name' | 'id' | 'count' | 'size'> & { indexes: Array<Omit<Index, 'parts' | 'prefix'>> }> }

/** MongoDB's limit. */
const MAX_INDEXES = 64
const KEY = Buffer.from('\0catalog')

/** What every document of a collection (1) or every entry of an index (2) begins with. */
export function prefix (...[kind, id]: Dropped): Buffer {
  const out = Buffer.from([kind, 0, 0, 0, 0])
  out.writeUInt32BE(id, 1)
  return out
}

const withParts = (index: Omit<Index, 'parts' | 'prefix'>): Index => ({ ...index, prefix: prefix(2, index.id), parts: keyParts(index.key.map(([path, direction]) => [path, toVal(direction)])) })

/** Which collections and indexes there are: whole in memory, and as one record in LMDB, written with each transaction that changes it. */
export class Catalog {
  collections = new Map<string, Collection>()
  dropped: Dropped[] = []
  private nextId = 1
  private changed = false

  constructor (private readonly root: RootDatabase<Buffer, Buffer>) { this.load() }

  /** Reads it from LMDB: at the start, and after a failed commit. */
  load (): void {
    const { nextId, dropped, collections } = JSON.parse(this.root.get(KEY)?.toString() ?? '{"nextId":1,"dropped":[],"collections":[]}') as Stored
    Object.assign(this, { nextId, dropped, collections: new Map(), changed: false })
    for (const stored of collections) {
      const [last] = this.root.getKeys({ start: prefix(1, stored.id + 1), end: prefix(1, stored.id), reverse: true, limit: 1 })
      const ns = `${stored.db}.${stored.name}`
      this.collections.set(ns, { ...stored, ns, nextRecord: (last?.readUIntBE(5, 6) ?? 0) + 1, dropped: false, indexes: stored.indexes.map(withParts) })
    }
  }

  /** Part of every transaction, at its end. */
  save (): void {
    if (!this.changed) return
    const collections = [...this.collections.values()].map(({ db, name, id, count, size, indexes }) => ({ db, name, id, count, size, indexes: indexes.map(({ parts, prefix, ...rest }) => rest) }))
    this.root.putSync(KEY, Buffer.from(JSON.stringify({ nextId: this.nextId, dropped: this.dropped, collections } satisfies Stored)))
    this.changed = false
  }

  get (db: string, name: string): Collection | undefined { return this.collections.get(`${db}.${name}`) }

  getOrCreate (db: string, name: string): Collection {
    const found = this.get(db, name)
    if (found !== undefined) return found
    const collection: Collection = { ns: `${db}.${name}`, db, name, id: this.nextId++, indexes: [], nextRecord: 1, count: 0, size: 0, dropped: false }
    this.collections.set(collection.ns, collection)
    this.addIndex(collection, this.newIndex({ name: '_id_', key: [['_id', 1]], unique: true }))
    return collection
  }

  drop (collection: Collection): void {
    this.dropped.push([1, collection.id], ...collection.indexes.map(({ id }): Dropped => [2, id]))
    collection.dropped = this.changed = this.collections.delete(collection.ns)
  }

  /** An index that nobody uses yet. Until {@link addIndex} it counts as dropped, so that a crash leaves nothing behind. */
  newIndex (spec: IndexSpec): Index {
    const id = this.nextId++
    this.changed = this.dropped.push([2, id]) > 0
    return withParts({ ...spec, id, multikey: spec.key.map(() => false), cut: false })
  }

  addIndex (collection: Collection, index: Index): void {
    if (collection.indexes.length >= MAX_INDEXES) throw new MongoError(67, `add index fails, too many indexes for ${collection.ns} key:${index.name}`)
    this.purged([2, index.id])
    collection.indexes.push(index)
  }

  dropIndex (collection: Collection, index: Index): void {
    collection.indexes = collection.indexes.filter(other => other !== index)
    this.changed = this.dropped.push([2, index.id]) > 0
  }

  /** Remembers of new keys what the planner must know. */
  noteKeys (index: Index, { cut, multikey }: Keys): void {
    if ((!cut || index.cut) && !multikey.some((multi, i) => multi && index.multikey[i] !== true)) return
    index.cut ||= cut
    index.multikey = index.multikey.map((multi, i) => multi || multikey[i] === true)
    this.changed = true
  }

  counted (collection: Collection, documents: number, bytes: number): void {
    collection.count += documents
    collection.size += bytes
    this.changed = true
  }

  /** Nothing is left of it, or it is in use after all. */
  purged ([kind, id]: Dropped): void {
    this.dropped = this.dropped.filter(other => other[0] !== kind || other[1] !== id)
    this.changed = true
  }
}
