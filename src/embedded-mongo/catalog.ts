import type { RootDatabase } from 'lmdb'
import { MongoError } from './errors.js'
import { toVal } from './build.js'
import { type KeyPart, type Keys, keyParts } from './index-keys.js'

export interface IndexSpec { name: string, key: Array<[path: string, direction: number]>, unique: boolean }

/** `multikey`: for each part of the key whether some document had an array there; `cut`: whether some key was too long. Neither goes back. */
export interface Index extends IndexSpec { id: number, multikey: boolean[], cut: boolean, parts: KeyPart[], prefix: Buffer }

/** `size` is the bytes of all documents; `nextRecord` numbers the next one. */
export interface Collection { ns: string, db: string, name: string, id: number, indexes: Index[], nextRecord: number, count: number, size: number, dropped: boolean }

/** MongoDB's limit. */
const MAX_INDEXES = 64

/** Keys of the catalog: 0, a letter, then a name or numbers. */
const named = (letter: string, name = ''): Buffer => Buffer.from(`\0${letter}${name}`)
const numbered = (letter: string, ...ids: number[]): Buffer => Buffer.concat([named(letter), ...ids.map(id => {
  const out = Buffer.allocUnsafe(4)
  out.writeUInt32BE(id)
  return out
})])

/** What every document of a collection (1) or every entry of an index (2) begins with. */
export function prefix (kind: 1 | 2, id: number): Buffer {
  const out = Buffer.from([kind, 0, 0, 0, 0])
  out.writeUInt32BE(id, 1)
  return out
}

/** Which collections and indexes there are: whole in memory, and each change in LMDB within the transaction under way. */
export class Catalog {
  collections = new Map<string, Collection>()
  private nextId = 1
  private readonly counted = new Set<Collection>()

  constructor (private readonly root: RootDatabase<Buffer, Buffer>) { this.load() }

  /** Reads everything from LMDB: at the start, and after a failed commit. */
  load (): void {
    this.collections = new Map()
    this.counted.clear()
    this.nextId = Number(this.root.get(named('id')) ?? 1)
    for (const { value } of this.root.getRange({ start: named('c'), end: named('d') })) {
      const stored = JSON.parse(value.toString()) as Pick<Collection, 'db' | 'name' | 'id' | 'indexes'>
      const [count, size] = JSON.parse(this.root.get(numbered('n', stored.id))?.toString() ?? '[0,0]') as [number, number]
      const [last] = this.root.getKeys({ start: prefix(1, stored.id + 1), end: prefix(1, stored.id), reverse: true, limit: 1 })
      const ns = `${stored.db}.${stored.name}`
      this.collections.set(ns, { ...stored, ns, count, size, nextRecord: (last?.readUIntBE(5, 6) ?? 0) + 1, dropped: false, indexes: stored.indexes.map(withParts) })
    }
  }

  get (db: string, name: string): Collection | undefined { return this.collections.get(`${db}.${name}`) }

  getOrCreate (db: string, name: string): Collection {
    const found = this.get(db, name)
    if (found !== undefined) return found
    const collection: Collection = { ns: `${db}.${name}`, db, name, id: this.takeId(), indexes: [], nextRecord: 1, count: 0, size: 0, dropped: false }
    this.collections.set(collection.ns, collection)
    this.addIndex(collection, this.newIndex({ name: '_id_', key: [['_id', 1]], unique: true }))
    return collection
  }

  drop (collection: Collection): void {
    for (const { id } of collection.indexes) this.bury(2, id)
    this.bury(1, collection.id)
    this.root.removeSync(named('c', collection.ns))
    this.root.removeSync(numbered('n', collection.id))
    this.collections.delete(collection.ns)
    this.counted.delete(collection)
    collection.dropped = true
  }

  /** An index that nobody uses yet. Until {@link addIndex} it counts as dropped, so that a crash leaves nothing behind. */
  newIndex (spec: IndexSpec): Index {
    const id = this.takeId()
    this.bury(2, id)
    return withParts({ ...spec, id, multikey: spec.key.map(() => false), cut: false })
  }

  addIndex (collection: Collection, index: Index): void {
    if (collection.indexes.length >= MAX_INDEXES) throw new MongoError(67, `add index fails, too many indexes for ${collection.ns} key:${index.name}`)
    collection.indexes.push(index)
    this.purged(2, index.id)
    this.save(collection)
  }

  dropIndex (collection: Collection, index: Index): void {
    collection.indexes = collection.indexes.filter(other => other !== index)
    this.bury(2, index.id)
    this.save(collection)
  }

  /** Remembers of new keys what the planner must know. */
  noteKeys (collection: Collection, index: Index, { cut, multikey }: Keys): void {
    if ((!cut || index.cut) && !multikey.some((multi, i) => multi && index.multikey[i] !== true)) return
    index.cut ||= cut
    index.multikey = index.multikey.map((multi, i) => multi || multikey[i] === true)
    this.save(collection)
  }

  addCounts (collection: Collection, documents: number, bytes: number): void {
    collection.count += documents
    collection.size += bytes
    this.counted.add(collection)
  }

  saveCounts (): void {
    for (const { id, count, size } of this.counted) this.root.putSync(numbered('n', id), Buffer.from(JSON.stringify([count, size])))
    this.counted.clear()
  }

  /** A dropped collection (1) or index (2) of which something may be left. */
  nextDropped (): [kind: 1 | 2, id: number] | undefined {
    const [key] = this.root.getKeys({ start: named('x'), end: named('y'), limit: 1 })
    return key === undefined ? undefined : [key.readUInt32BE(2) as 1 | 2, key.readUInt32BE(6)]
  }

  purged (kind: number, id: number): void { this.root.removeSync(numbered('x', kind, id)) }
  private bury (kind: number, id: number): void { this.root.putSync(numbered('x', kind, id), Buffer.alloc(0)) }

  private takeId (): number {
    const id = this.nextId++
    this.root.putSync(named('id'), Buffer.from(String(this.nextId)))
    return id
  }

  private save ({ db, name, id, indexes, ns }: Collection): void {
    this.root.putSync(named('c', ns), Buffer.from(JSON.stringify({ db, name, id, indexes: indexes.map(({ parts, prefix, ...rest }) => rest) })))
  }
}

function withParts (index: Omit<Index, 'parts' | 'prefix'>): Index { return { ...index, prefix: prefix(2, index.id), parts: keyParts(index.key.map(([path, direction]) => [path, toVal(direction)])) } }
