import type { RootDatabase } from 'lmdb'
import { type KeyPart, keyParts } from './index-keys.js'

export interface IndexSpec { name: string, key: Array<[path: string, direction: number]>, unique: boolean }
/** `multikey`: for each part of the key whether some document ever had an array there. All entries begin with `prefix`. */
export interface Index extends IndexSpec { id: number, multikey: boolean[], parts: KeyPart[], prefix: Buffer }
/** `size` is the bytes of all documents; `nextRecord` numbers the next one; all begin with `prefix`. */
export interface Collection {
  ns: string, id: number, indexes: Index[], nextRecord: number, count: number, size: number, prefix: Buffer
}

const KEY = Buffer.from('\0catalog')
const EMPTY = '{"nextId":1,"dropped":[],"collections":[]}'
/** What every document of a collection, and every entry of an index, begins with. */
export const prefix = (id: number): Buffer => Buffer.from([1, id >>> 24, id >>> 16, id >>> 8, id])
/** Adds what follows from the rest, so that JSON does not see it. */
function hide<E extends { id: number }> (entry: E, parts?: KeyPart[]): E & { prefix: Buffer, parts: KeyPart[] } {
  return Object.defineProperties(entry, { prefix: { value: prefix(entry.id) }, parts: { value: parts } }) as E & { prefix: Buffer, parts: KeyPart[] }
}

/** Which collections and indexes there are: whole in memory, and as one record in LMDB. */
export class Catalog {
  /** Some entries of these collections and indexes may be left. */
  dropped: number[] = []
  /** The collections as the latest transaction leaves them, and as they are on the disk. */
  private latest = new Map<string, Collection>()
  private durable = new Map<string, Collection>()
  private changing = false
  private nextId = 1
  private saved = EMPTY
  constructor (private readonly root: RootDatabase<Buffer, Buffer>) { this.load() }
  /** Inside a transaction what it has made of them so far, elsewhere what is on the disk. */
  get collections (): Map<string, Collection> { return this.changing ? this.latest : this.durable }
  /** Reads it from LMDB: at the start, and after a failed commit. */
  load (): void {
    this.saved = this.root.get(KEY)?.toString() ?? EMPTY
    const { collections, ...rest } = JSON.parse(this.saved) as { collections: Collection[] }
    for (const { indexes } of collections) for (const index of indexes) hide(index, keyParts(index.key))
    const latest = new Map(collections.map(collection => [collection.ns, hide(collection)]))
    Object.assign(this, rest, { latest })
    this.publish()
  }

  /** Runs the changes of one transaction and saves what they make of the catalog. */
  change (run: () => void): void {
    this.changing = true
    try {
      run()
    } finally { this.changing = false }
    const collections = [...this.latest.values()]
    const text = JSON.stringify({ nextId: this.nextId, dropped: this.dropped, collections })
    if (text !== this.saved) this.root.putSync(KEY, Buffer.from(this.saved = text))
  }

  /** Lets reads see the latest transaction, which is on the disk now. */
  publish (): void {
    const copies = [...this.latest.values()].map(latest => hide({ ...latest, indexes: [...latest.indexes] }))
    this.durable = new Map(copies.map(collection => [collection.ns, collection]))
  }

  getOrCreate (ns: string): Collection {
    const found = this.latest.get(ns)
    if (found !== undefined) return found
    const indexes = [this.newIndex({ name: '_id_', key: [['_id', 1]], unique: true })]
    const collection: Collection = hide({ ns, id: this.nextId++, indexes, nextRecord: 1, count: 0, size: 0 })
    this.latest.set(ns, collection)
    return collection
  }

  drop (ns: string): Collection | undefined {
    const collection = this.latest.get(ns)
    if (collection === undefined) return undefined
    this.dropped.push(collection.id, ...collection.indexes.map(({ id }) => id))
    this.latest.delete(ns)
    return collection
  }

  /** An index that nobody uses yet. */
  newIndex (spec: IndexSpec): Index { return hide({ ...spec, id: this.nextId++, multikey: spec.key.map(() => false) }, keyParts(spec.key)) }
  /** Nothing is left of them, or they are in use after all. */
  purged (ids: number[]): void { this.dropped = this.dropped.filter(id => !ids.includes(id)) }
}
