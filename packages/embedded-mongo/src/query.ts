import btree from 'sorted-btree'
import { MongoError } from './errors.js'
import { type Val, docVal } from './bson.js'
import type { Collection } from './catalog.js'
import { type KeyPart, type Plan, type Range, plan, sortKey } from './index-keys.js'
import type { Filter } from './match.js'
import { NOTHING, type Store, next, numbered, recordOf } from './store.js'

const { default: BTree } = btree
export interface Found { record: number, doc: Buffer }
/** A query's documents; `undefined` marks a point at which the reader may wait. Whoever waits calls `rest` first: what was read ahead is read again. */
export interface Documents extends Generator<Found | undefined, void> { rest?: () => void }
/** Without a collection nothing is found. A limit of 0 is none. */
export interface Query { collection: Collection | undefined, filter: Filter, sort: KeyPart[], hint?: Val | undefined, skip?: number, limit?: number }
type Entries = ReturnType<Store['range']>
/** Entries, and bytes of documents, that are read in one go: well under a millisecond. */
export const [CHUNK, CHUNK_BYTES] = [200, 1024 * 1024]
/** Memory of a sort without an index, which holds keys and record numbers only, and of one item beside its key. MongoDB allows 100 MiB of documents. */
const [MAX_SORT_BYTES, ITEM_BYTES] = [32 * 1024 * 1024, 100]
const SLICE_MS = 4 // longest time that a reader keeps the thread before it lets others in
/** Entries read so far, and documents tested. */
export interface Examined { keys: number, docs: number }
/** How a query will be answered; undefined without a collection. */
export function planOf (store: Store, { collection, filter, sort, hint }: Query): Plan | undefined {
  const isLonger = ([start, end]: Range, n: number): boolean => store.isLonger(start, end, n)
  return collection && plan(collection, filter, sort, hint, isLonger)
}

/** Finds a query's documents, by the plan that {@link planOf} gives at the first one. Throws QueryPlanKilled
  * (175) once the collection is dropped. */
export function run (store: Store, query: Query, examined: Examined = { keys: 0, docs: 0 }): Documents {
  const ahead: Entries = []
  return Object.assign(limited(store, query, ahead, examined), { rest: () => { ahead.length = 0 } })
}

function * limited (store: Store, query: Query, ahead: Entries, examined: Examined): Documents {
  const { collection, filter, skip = 0, limit = 0 } = query
  const chosen = planOf(store, query)
  if (collection === undefined || chosen === undefined) return
  const wanted = limit === 0 ? Infinity : skip + limit
  const found = scan(store, collection, filter, chosen, ahead, chosen.sorted ? wanted : Infinity, examined)
  const source = chosen.sorted ? found : sorted(store, collection, query, found, wanted)
  for (let seen = 0; seen < wanted;) {
    const { value: found, done } = source.next()
    const isDropped = store.catalog.collections.get(collection.ns)?.id !== collection.id
    if (isDropped) throw new MongoError(175, `collection dropped: ${collection.ns}`)
    if (done === true) return
    if (found === undefined || seen++ >= skip) yield found
  }
}

function * scan (
  store: Store, collection: Collection, filter: Filter, { index, ranges, reverse, single }: Plan,
  ahead: Entries, wanted: number, examined: Examined
): Documents {
  if (single) {
    examined.keys++
    const held = store.entry((ranges[0] as Range)[0]) // asking for one entry is cheaper than a range
    const doc = held && store.document(collection, recordOf(held))
    examined.docs += Number(doc !== undefined)
    if (held !== undefined && doc !== undefined && filter.test(docVal(doc))) yield { record: recordOf(held), doc }
    return
  }
  const repeats = index?.multikey.includes(true) === true
  const seen = new Set<number>()
  let size = Math.min(wanted, CHUNK)
  for (let [start, end] of ranges) {
    for (let more = true; more;) {
      const read = ahead.push(...store.range(start, end, reverse, size, CHUNK_BYTES))
      more = read === size || (index === undefined && read > 0)
      size = CHUNK
      for (const [key, value] of ahead) {
        if (reverse) end = key
        else start = next(key)
        const record = recordOf(index?.unique === true ? value : key)
        examined.keys += Number(index !== undefined)
        if (repeats && seen.size === seen.add(record).size) continue
        const doc = index === undefined ? value : store.document(collection, record)
        examined.docs++
        if (doc !== undefined && filter.test(docVal(doc))) yield { record, doc }
      }
      more ||= ahead.length < read
      ahead.length = 0
      if (more || ranges.length > 1) yield undefined
    }
  }
}

/** Reads all into a tree in the sort's order, of keys and record numbers only, then hands over. */
function * sorted (store: Store, collection: Collection, { filter, sort }: Query, source: Documents, wanted: number): Documents {
  const tree = new BTree<Buffer, number>(undefined, Buffer.compare)
  let [bytes, i] = [0, 0]
  for (const found of source) {
    if (found === undefined) yield undefined
    else {
      const key = numbered(NOTHING, sortKey(sort, docVal(found.doc)), found.record)
      tree.set(key, found.record)
      const last = tree.size > wanted ? tree.maxKey() : undefined
      if (last !== undefined) tree.delete(last)
      bytes += key.length + ITEM_BYTES - (last === undefined ? 0 : last.length + ITEM_BYTES)
      if (bytes > MAX_SORT_BYTES) throw new MongoError(292, `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes; an index on the sort's fields needs none`)
    }
  }
  for (const record of tree.values()) {
    const doc = store.document(collection, record)
    if (doc !== undefined && filter.test(docVal(doc))) yield { record, doc }
    if (++i % CHUNK === 0) yield undefined
  }
}

/** The time of an operation: its pauses for others, and its end by maxTimeMS (0: none). */
export class Turn {
  private since = performance.now()
  private readonly deadline: number
  constructor (maxTimeMS: number) { this.deadline = maxTimeMS === 0 ? Infinity : this.since + maxTimeMS }
  get isDue (): boolean { return performance.now() - this.since > SLICE_MS }
  /** Lets others in. Throws MaxTimeMSExpired (50). */
  async pause (): Promise<void> {
    if (performance.now() > this.deadline) throw new MongoError(50, 'operation exceeded time limit')
    await new Promise(resolve => setImmediate(resolve))
    this.since = performance.now()
  }
}

/** Reads on until `take` returns false or all is read, letting others in now and then. @returns whether all was read */
export async function drain (documents: Documents, turn: Turn, take: (found: Found) => boolean): Promise<boolean> {
  for (let going = true; going;) {
    const { value, done } = documents.next()
    if (done === true) return true
    going = value === undefined || take(value)
    if (going && !turn.isDue) continue
    documents.rest?.()
    if (going) await turn.pause()
  }
  return false
}
