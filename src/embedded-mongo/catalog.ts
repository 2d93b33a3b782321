import type { RootDatabase } from 'lmdb'
import { MongoError } from './errors.js'
import { toVal } from './build.js'
import type { Field } from './bson.js'
import { type KeyPart, type Keys, keyParts } from './index-keys.js'

export interface Index {
  id: number
  name: string
  key: Array<[path: string, direction: number]>
  unique: boolean
  /** For each part of the key whether some document had an array there. Never goes back. */
  multikey: boolean[]
  /** Whether some key was too long and is cut, see {@link keysOf}. */
  cut: boolean
  /** Being filled: written to, but not yet used by queries. */
  building: boolean
  parts: KeyPart[]
}

export interface Collection {
  ns: string
  db: string
  name: string
  id: number
  indexes: Index[]
  nextRecord: number
  count: number
  /** Bytes of all documents. */
  size: number
  dropped: boolean
}

/** MongoDB's limit. */
const MAX_INDEXES = 64

const record = (kind: string, name: string | Buffer): Buffer => Buffer.concat([Buffer.from(`\0${kind}`), Buffer.from(name)])
const numbered = (kind: string, ...ids: number[]): Buffer => {
  const out = Buffer.alloc(4 * ids.length)
  ids.forEach((id, i) => out.writeUInt32BE(id, 4 * i))
  return record(kind, out)
}

function withParts (index: Omit<Index, 'parts'>): Index {
  return { ...index, parts: keyParts(index.key.map(([path, direction]): Field => [path, toVal(direction)])) }
}

/** What collections and indexes there are. In memory whole; each change goes into LMDB in the transaction under way. */
export class Catalog {
  collections = new Map<string, Collection>()
  private nextId = 1
  private readonly dirty = new Set<Collection>()
  private readonly root: RootDatabase<Buffer, Buffer>

  constructor (root: RootDatabase<Buffer, Buffer>) {
    this.root = root
    this.load()
  }

  /** Reads everything from LMDB: at the start, and after a failed commit. */
  load (): void {
    this.collections = new Map()
    this.dirty.clear()
    this.nextId = Number(this.root.get(record('id', '')) ?? 1)
    for (const { value } of this.root.getRange({ start: record('c', ''), end: record('d', '') })) {
      const stored = JSON.parse(value.toString()) as Pick<Collection, 'db' | 'name' | 'id'> & { indexes: Index[] }
      const [count, size] = JSON.parse(this.root.get(numbered('n', stored.id))?.toString() ?? '[0,0]') as [number, number]
      const ns = `${stored.db}.${stored.name}`
      this.collections.set(ns, { ...stored, ns, count, size, nextRecord: this.lastRecord(stored.id) + 1, dropped: false, indexes: stored.indexes.map(withParts) })
    }
  }

  private lastRecord (id: number): number {
    const start = Buffer.from([1, 0, 0, 0, 0])
    start.writeUInt32BE(id + 1, 1)
    const end = Buffer.from(start)
    end.writeUInt32BE(id, 1)
    for (const key of this.root.getKeys({ start, end, reverse: true, limit: 1 })) return key.readUIntBE(5, 6)
    return 0
  }

  get (db: string, name: string): Collection | undefined { return this.collections.get(`${db}.${name}`) }

  getOrCreate (db: string, name: string): Collection {
    const found = this.get(db, name)
    if (found !== undefined) return found
    const collection: Collection = { ns: `${db}.${name}`, db, name, id: this.takeId(), indexes: [], nextRecord: 1, count: 0, size: 0, dropped: false }
    collection.indexes.push(withParts({ id: this.takeId(), name: '_id_', key: [['_id', 1]], unique: true, multikey: [false], cut: false, building: false }))
    this.collections.set(collection.ns, collection)
    this.save(collection)
    return collection
  }

  drop (collection: Collection): void {
    for (const index of collection.indexes) this.bury(2, index.id)
    this.bury(1, collection.id)
    this.root.removeSync(record('c', collection.ns))
    this.root.removeSync(numbered('n', collection.id))
    this.collections.delete(collection.ns)
    this.dirty.delete(collection)
    collection.dropped = true
  }

  addIndex (collection: Collection, spec: Pick<Index, 'name' | 'key' | 'unique'>): Index {
    if (collection.indexes.length >= MAX_INDEXES) throw new MongoError(67, `add index fails, too many indexes for ${collection.ns} key:${spec.name}`)
    const index = withParts({ ...spec, id: this.takeId(), multikey: spec.key.map(() => false), cut: false, building: collection.count > 0 })
    collection.indexes.push(index)
    this.save(collection)
    return index
  }

  finishIndex (collection: Collection, index: Index): void {
    index.building = false
    this.save(collection)
  }

  dropIndex (collection: Collection, index: Index): void {
    collection.indexes = collection.indexes.filter(other => other !== index)
    this.bury(2, index.id)
    this.save(collection)
  }

  /** An index whose building a crash cut short does not come back. */
  dropUnfinished (): void {
    for (const collection of this.collections.values()) {
      for (const index of collection.indexes) if (index.building) this.dropIndex(collection, index)
    }
  }

  /** Remembers of new keys what the planner must know. */
  noteKeys (collection: Collection, index: Index, keys: Keys): void {
    if ((!keys.cut || index.cut) && keys.multikey.every((multikey, i) => !multikey || index.multikey[i])) return
    index.cut ||= keys.cut
    index.multikey = index.multikey.map((multikey, i) => multikey || keys.multikey[i] as boolean)
    this.save(collection)
  }

  counted (collection: Collection, documents: number, bytes: number): void {
    collection.count += documents
    collection.size += bytes
    this.dirty.add(collection)
  }

  saveCounts (): void {
    for (const { id, count, size } of this.dirty) this.root.putSync(numbered('n', id), Buffer.from(JSON.stringify([count, size])))
    this.dirty.clear()
  }

  nextDropped (): [kind: 1 | 2, id: number] | undefined {
    for (const key of this.root.getKeys({ start: record('d', ''), end: record('e', ''), limit: 1 })) return [key.readUInt32BE(2) as 1 | 2, key.readUInt32BE(6)]
    return undefined
  }

  purged (kind: number, id: number): void { this.root.removeSync(numbered('d', kind, id)) }
  private bury (kind: number, id: number): void { this.root.putSync(numbered('d', kind, id), Buffer.alloc(0)) }

  private takeId (): number {
    const id = this.nextId++
    this.root.putSync(record('id', ''), Buffer.from(String(this.nextId)))
    return id
  }

  private save ({ db, name, id, indexes, ns }: Collection): void {
    const stored = { db, name, id, indexes: indexes.map(({ parts, ...rest }) => rest) }
    this.root.putSync(record('c', ns), Buffer.from(JSON.stringify(stored)))
  }
}
