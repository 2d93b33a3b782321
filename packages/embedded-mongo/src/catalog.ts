import type { RootDatabase } from 'lmdb'
import type { Collection, Index, IndexSpec } from './collection.js'
import { keyParts } from './path.js'
import { prefixOf } from './record-keys.js'

const KEY = Buffer.from('\0catalog')
const EMPTY = '{"nextId":1,"dropped":[],"collections":[]}'

/** Collections and indexes as JSON has them, without the fields that follow from the others. */
type StoredIndex = Omit<Index, 'parts' | 'prefix'>
type StoredCollection = Omit<Collection, 'indexes' | 'prefix'> & { indexes: StoredIndex[] }

interface Saved {
  nextId: number
  dropped: number[]
  collections: StoredCollection[]
}

/** Derived fields are not enumerable, so that JSON.stringify leaves them out. */
function withDerived<E extends object, D extends object> (entry: E, derived: D): E & D {
  for (const [name, value] of Object.entries(derived)) Object.defineProperty(entry, name, { value })
  return entry as E & D
}

function toIndex (stored: StoredIndex): Index {
  return withDerived(stored, { parts: keyParts(stored.key), prefix: prefixOf(stored.id) })
}

function toCollection<C extends { id: number }> (stored: C): C & { prefix: Buffer } {
  return withDerived(stored, { prefix: prefixOf(stored.id) })
}

/** The collections and indexes, all of them in memory, and as one record in LMDB. */
export class Catalog {
  /** Ids of dropped collections and indexes that may still have entries. */
  dropped: number[] = []
  readonly #root: RootDatabase<Buffer, Buffer>
  /** The collections after the latest transaction. */
  #latest = new Map<string, Collection>()
  /** The collections as they are on the disk. */
  #durable = new Map<string, Collection>()
  #changing = false
  #nextId = 1
  #saved = EMPTY

  constructor (root: RootDatabase<Buffer, Buffer>) {
    this.#root = root
    this.load()
  }

  /**
   * The collections as the current transaction leaves them; outside a transaction as they are on the disk.
   */
  get collections (): Map<string, Collection> { return this.#changing ? this.#latest : this.#durable }

  /** Reads the catalog from LMDB: at the start, and after a failed commit. */
  load (): void {
    this.#saved = this.#root.get(KEY)?.toString() ?? EMPTY
    const { nextId, dropped, collections } = JSON.parse(this.#saved) as Saved
    this.#nextId = nextId
    this.dropped = dropped
    this.#latest = new Map()
    for (const stored of collections) {
      const indexes = stored.indexes.map(toIndex)
      this.#latest.set(stored.ns, toCollection({ ...stored, indexes }))
    }
    this.publish()
  }

  /** Runs the changes of one transaction and saves the catalog if they changed it. */
  change (run: () => void): void {
    this.#changing = true
    try {
      run()
    } finally {
      this.#changing = false
    }
    const collections = [...this.#latest.values()]
    const text = JSON.stringify({ nextId: this.#nextId, dropped: this.dropped, collections })
    if (text === this.#saved) return
    this.#root.putSync(KEY, Buffer.from(text))
    this.#saved = text
  }

  /** Shows readers the latest transaction. Call it when that is on the disk. */
  publish (): void {
    this.#durable = new Map()
    for (const [ns, latest] of this.#latest) {
      this.#durable.set(ns, toCollection({ ...latest, indexes: [...latest.indexes] }))
    }
  }

  getOrCreate (ns: string): Collection {
    const found = this.#latest.get(ns)
    if (found !== undefined) return found
    const indexes = [this.newIndex({ name: '_id_', key: [['_id', 1]], unique: true })]
    const collection = toCollection({ ns, id: this.#takeId(), indexes, nextRecord: 1, count: 0, size: 0 })
    this.#latest.set(ns, collection)
    return collection
  }

  /** @returns the dropped collection, undefined if it did not exist */
  drop (ns: string): Collection | undefined {
    const collection = this.#latest.get(ns)
    if (collection === undefined) return undefined
    this.dropped.push(collection.id, ...collection.indexes.map(({ id }) => id))
    this.#latest.delete(ns)
    return collection
  }

  /** Makes an index that no collection uses yet. */
  newIndex (spec: IndexSpec): Index {
    return toIndex({ ...spec, id: this.#takeId(), multikey: spec.key.map(() => false) })
  }

  /** Forgets dropped ids: nothing is left of them, or they are in use after all. */
  purged (ids: number[]): void {
    this.dropped = this.dropped.filter(id => !ids.includes(id))
  }

  #takeId (): number {
    const id = this.#nextId
    this.#nextId++
    return id
  }
}
