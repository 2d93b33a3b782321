import { type Val, docVal } from './bson-value.js'
import type { Collection } from './collection.js'
import { CHUNK, CHUNK_BYTES, type Documents } from './documents.js'
import { MongoError } from './errors.js'
import type { Filter } from './match.js'
import type { KeyPart } from './path.js'
import { type Plan, type Range, plan } from './planner.js'
import { next, recordOf } from './record-keys.js'
import { sorted } from './sort.js'
import type { Entries, Store } from './store.js'

export interface Query {
  /** Without a collection nothing is found. */
  collection: Collection | undefined
  filter: Filter
  sort: KeyPart[]
  hint?: Val | undefined
  skip?: number
  /** 0: without limit. */
  limit?: number
}

/** Counts what a query reads. */
export interface Examined {
  /** Index entries. */
  keys: number
  docs: number
}

/** Chooses how a query will be answered; undefined without a collection. */
export function planOf (store: Store, { collection, filter, sort, hint }: Query): Plan | undefined {
  if (collection === undefined) return undefined
  const isLonger = ([start, end]: Range, n: number): boolean => store.isLonger(start, end, n)
  return plan(collection, filter, sort, hint, isLonger)
}

/**
 * Finds the documents of a query. The plan is made when the first document is asked for.
 *
 * @throws MongoError QueryPlanKilled (175) once the collection is dropped
 */
export function run (store: Store, query: Query, examined: Examined = { keys: 0, docs: 0 }): Documents {
  const ahead: Entries = []
  const documents: Documents = limited(store, query, ahead, examined)
  documents.rest = () => {
    ahead.length = 0
  }
  return documents
}

function * limited (store: Store, query: Query, ahead: Entries, examined: Examined): Documents {
  const { collection, filter, sort, skip = 0, limit = 0 } = query
  const chosen = planOf(store, query)
  if (collection === undefined || chosen === undefined) return
  const wanted = limit === 0 ? Infinity : skip + limit
  const found = chosen.points
    ? findPoints(store, collection, filter, chosen, examined)
    : scan(store, collection, filter, chosen, ahead, chosen.sorted ? wanted : Infinity, examined)
  const source = chosen.sorted ? found : sorted(store, collection, filter, sort, found, wanted)
  let seen = 0
  while (seen < wanted) {
    const { value, done } = source.next()
    const isDropped = store.catalog.collections.get(collection.ns)?.id !== collection.id
    if (isDropped) throw new MongoError(175, `collection dropped: ${collection.ns}`)
    if (done === true) return
    if (value === undefined) {
      yield undefined
      continue
    }
    seen++
    if (seen > skip) yield value
  }
}

/** Looks up the entries of a unique index that can match, which is cheaper than reading ranges. */
function * findPoints (
  store: Store, collection: Collection, filter: Filter, { ranges }: Plan, examined: Examined
): Documents {
  for (const [key] of ranges) {
    examined.keys++
    const entry = store.entry(key)
    const record = entry === undefined ? undefined : recordOf(entry)
    const doc = record === undefined ? undefined : store.document(collection, record)
    if (doc !== undefined) {
      examined.docs++
      if (filter.test(docVal(doc))) yield { record: record!, doc }
    }
    if (ranges.length > 1) yield undefined
  }
}

function * scan (
  store: Store, collection: Collection, filter: Filter, { index, ranges, reverse }: Plan,
  ahead: Entries, wanted: number, examined: Examined
): Documents {
  const isMultikey = index?.multikey.includes(true) === true
  const seen = new Set<number>()
  let size = Math.min(wanted, CHUNK)
  for (const range of ranges) {
    let [start, end] = range
    let more = true
    while (more) {
      const read = ahead.push(...store.range(start, end, reverse, size, CHUNK_BYTES))
      // A chunk of documents may end early, at its largest number of bytes.
      more = read === size || (index === undefined && read > 0)
      size = CHUNK
      for (const [key, value] of ahead) {
        if (reverse) end = key
        else start = next(key)
        const record = recordOf(index?.unique === true ? value : key)
        if (index !== undefined) examined.keys++
        if (isMultikey) {
          if (seen.has(record)) continue
          seen.add(record)
        }
        const doc = index === undefined ? value : store.document(collection, record)
        examined.docs++
        if (doc !== undefined && filter.test(docVal(doc))) yield { record, doc }
      }
      // The reader waited, and what had been read ahead was forgotten: it is read again.
      if (ahead.length < read) more = true
      ahead.length = 0
      if (more || ranges.length > 1) yield undefined
    }
  }
}
