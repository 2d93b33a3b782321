import { MongoError } from './errors.js'
import { type Val, docVal } from './bson.js'
import type { Collection } from './catalog.js'
import { type KeyPart, MAX_KEY, sortKey } from './index-keys.js'
import type { Filter } from './match.js'
import { type Plan, plan } from './planner.js'
import { type Store, next, recordOf } from './store.js'

export interface Found { record: number, doc: Buffer }

/** The documents of a query; `undefined` marks a point at which the reader may wait. Whoever waits calls `rest` first: what was read ahead is dropped and read again. */
export interface Documents extends Generator<Found | undefined, void> { rest?: () => void }

/** A limit of 0 is none. */
export interface Query { collection: Collection, filter: Filter, sort: KeyPart[], hint?: Val | undefined, skip?: number, limit?: number }

/** Entries read in one go: well under a millisecond. */
const CHUNK = 200
/** Bytes of documents read in one go. */
export const CHUNK_BYTES = 1024 * 1024
/** Memory of a sort without an index, which holds keys and record numbers only. MongoDB allows 100 MiB of documents. */
const MAX_SORT_BYTES = 32 * 1024 * 1024

interface Ahead { entries: Array<[key: Buffer, value: Buffer]> }

export function run (store: Store, query: Query): Documents {
  const ahead: Ahead = { entries: [] }
  return Object.assign(limited(store, query, ahead), { rest: () => { ahead.entries.length = 0 } })
}

function * limited (store: Store, query: Query, ahead: Ahead): Documents {
  const { skip = 0, limit = 0 } = query
  const chosen = plan(query.collection, query.filter, query.sort, query.hint)
  let seen = 0
  for (const found of chosen.sorted ? scan(store, query, chosen, ahead, skip + limit) : sorted(store, query, chosen, ahead)) {
    if (found === undefined || seen++ >= skip) yield found
    if (limit !== 0 && seen >= skip + limit) return
  }
}

function * scan (store: Store, { collection, filter }: Query, { index, ranges, reverse, single }: Plan, ahead: Ahead, wanted: number): Documents {
  // A unique key that is not cut is one entry at most, and asking for it is cheaper than a range.
  const key = single ? ranges[0]?.[0] : undefined
  if (key !== undefined && key.length < MAX_KEY) {
    const held = store.entry(key)
    const doc = held === undefined ? undefined : store.document(collection, recordOf(held))
    if (held !== undefined && doc !== undefined && filter.test(docVal(doc))) yield { record: recordOf(held), doc }
    return
  }
  const repeats = index?.multikey.some(Boolean) === true
  const seen = new Set<number>()
  let size = single ? 1 : Math.min(wanted === 0 ? CHUNK : wanted, CHUNK)
  for (let [start, end] of reverse ? [...ranges].reverse() : ranges) {
    for (let more = true; more;) {
      const entries = ahead.entries = store.range(start, end, reverse, size, CHUNK_BYTES)
      const read = entries.length
      more = read === size || (index === undefined && read > 0)
      size = CHUNK
      for (const [key, value] of entries) {
        if (reverse) end = key
        else start = next(key)
        const record = recordOf(index?.unique === true ? value : key)
        if (repeats && seen.size === seen.add(record).size) continue
        const doc = index === undefined ? value : store.document(collection, record)
        if (doc === undefined || !filter.test(docVal(doc))) continue
        yield { record, doc }
        if (single) return
      }
      more ||= entries.length < read
      if (collection.dropped) throw new MongoError(175, `collection dropped: ${collection.ns}`)
      if (more || ranges.length > 1) yield undefined
    }
  }
}

interface Item { key: Buffer, record: number }
const compare = (a: Item, b: Item): number => a.key.compare(b.key)
/** Keys that are sorted or merged in one go. */
const RUN = 500

/** Two sorted lists as one, with points at which the reader may wait. */
function * merged (a: Item[], b: Item[]): Generator<undefined, Item[]> {
  const out: Item[] = []
  for (let [i, j] = [0, 0]; i < a.length || j < b.length;) {
    out.push((j === b.length || (i < a.length && compare(a[i] as Item, b[j] as Item) <= 0) ? a[i++] : b[j++]) as Item)
    if (out.length % RUN === 0) yield undefined
  }
  return out
}

/** Holds keys and record numbers, and no more of them than the limit asks for. Merge sort, since it can pause. */
function * sorted (store: Store, query: Query, chosen: Plan, ahead: Ahead): Documents {
  const { collection, filter, sort, skip = 0, limit = 0 } = query
  const runs: Item[][] = [[]]
  let bytes = 0
  const add = (items: Item[]): void => {
    for (const { key } of items.splice(limit === 0 ? Infinity : skip + limit)) bytes -= key.length + 100
    runs.push(items)
  }
  /** Sorts the run that grows, then merges the last two while the one before is less than `ratio` times as long. */
  function * settle (ratio: number): Generator<undefined, void> {
    add((runs.pop() as Item[]).sort(compare))
    for (let [a, b] = runs.slice(-2); a !== undefined && b !== undefined && (b.length === 0 || a.length < ratio * b.length); [a, b] = runs.slice(-2)) {
      runs.splice(-2)
      add(yield * merged(a, b))
    }
  }
  for (const found of scan(store, query, chosen, ahead, 0)) {
    if (found === undefined) yield undefined
    else {
      const key = sortKey(sort, docVal(found.doc))
      bytes += key.length + 100
      if (bytes > MAX_SORT_BYTES) throw new MongoError(292, `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes; an index on the sort's fields needs none`)
      if (runs.at(-1)?.push({ key, record: found.record }) !== RUN) continue
      yield * settle(2)
      runs.push([])
    }
  }
  yield * settle(Infinity)
  const records = Float64Array.from(runs.pop() ?? [], ({ record }) => record)
  for (const [i, record] of records.entries()) {
    if (collection.dropped) throw new MongoError(175, `collection dropped: ${collection.ns}`)
    const doc = store.document(collection, record)
    if (doc !== undefined && filter.test(docVal(doc))) yield { record, doc }
    if (i % CHUNK === CHUNK - 1) yield undefined
  }
}

/** Longest time that a reader keeps the thread before it lets others in. */
const SLICE_MS = 4

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
  for (let count = 0, going = true; going;) {
    const { value, done } = documents.next()
    if (done === true) return true
    going = value === undefined || take(value)
    if (going && (value !== undefined && ++count % 16 !== 0)) continue
    if (!going || turn.isDue) documents.rest?.()
    if (going && turn.isDue) await turn.pause()
  }
  return false
}
