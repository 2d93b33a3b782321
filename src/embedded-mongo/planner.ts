import { MongoError } from './errors.js'
import { Val, fields } from './bson.js'
import type { Collection, Index } from './catalog.js'
import { type KeyPart, cutBound, isCut } from './index-keys.js'
import { KeyWriter, after } from './keystring.js'
import type { Demand, Filter } from './match.js'
import { show } from './show.js'
import { prefix } from './store.js'

/** A stretch of LMDB keys, end exclusive. */
export type Range = [start: Buffer, end: Buffer]

/** How a query finds its documents. Whatever it reads is tested against the whole filter again. */
export interface Plan {
  /** Undefined: every document, in the order in which they were inserted. */
  index: Index | undefined
  ranges: Range[]
  reverse: boolean
  /** Whether one document can turn up several times. */
  repeats: boolean
  /** Whether the documents come in the order that the sort asks for. */
  sorted: boolean
  /** At most one document can match. */
  single: boolean
}

/** More combinations of `$in` than this are not worth separate ranges. */
const MAX_RANGES = 10_000

/** Chooses the index with the longest equality prefix, then with a range or `$in`, then with the sort. */
export function plan (collection: Collection, filter: Filter, sort: KeyPart[], hint?: Val): Plan {
  const forced = hint === undefined ? undefined : hinted(collection, hint)
  if (forced?.index === undefined && forced !== undefined) return scan(collection, sort, forced.reverse)
  let best: { plan: Plan, score: number } | undefined
  for (const index of forced?.index === undefined ? collection.indexes : [forced.index]) {
    if (index.building) continue
    const candidate = tryIndex(index, filter.demands, sort)
    if ((candidate.score > 0 || forced !== undefined) && (best === undefined || candidate.score > best.score)) best = candidate
  }
  return best?.plan ?? scan(collection, sort, false)
}

function scan (collection: Collection, sort: KeyPart[], reverse: boolean): Plan {
  const ranges: Range[] = [[prefix(1, collection.id), prefix(1, collection.id + 1)]]
  return { index: undefined, ranges, reverse, repeats: false, sorted: sort.length === 0, single: false }
}

/** The index that a hint names, by name or by key; `$natural` asks for the scan. */
function hinted (collection: Collection, hint: Val): { index: Index | undefined, reverse: boolean } {
  const wanted = hint.isObject ? show(hint) : hint.string
  if (hint.isObject && wanted.startsWith('{ $natural: ')) return { index: undefined, reverse: wanted.startsWith('{ $natural: -') }
  const index = collection.indexes.find(({ name, key }) => hint.isObject ? sameKey(hint, key) : name === wanted)
  if (index === undefined) throw new MongoError(2, 'error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index')
  return { index, reverse: false }
}

function sameKey (hint: Val, key: Index['key']): boolean {
  const parts = fields(hint)
  return parts.length === key.length && parts.every(([path, direction], i) => path === key[i]?.[0] && direction.isNumber && direction.number === key[i]?.[1])
}

/** What the demands on one part of an index come to: points, or a range of the encoded values. */
interface Bounds { points?: Buffer[], low?: Buffer, high?: Buffer }

function boundsFor (index: Index, part: number, demands: Demand[]): Bounds | undefined {
  const path = index.key[part]?.[0]
  const own = demands.filter(demand => demand.path === path)
  const points = own.filter(({ op }) => op === 'in').sort((a, b) => a.keys.length - b.keys.length)[0]
  if (points !== undefined) return { points: points.keys }
  const low = own.find(({ op }) => op === '$gt' || op === '$gte')
  // The two ends of a range may be met by different elements of an array, so there only one counts.
  const high = low !== undefined && index.multikey[part] === true ? undefined : own.find(({ op }) => op === '$lt' || op === '$lte')
  if (low === undefined && high === undefined) return undefined
  const lowKey = low?.keys[0]
  const highKey = high?.keys[0]
  const rank = (lowKey ?? highKey as Buffer)[0] as number
  if (lowKey !== undefined && highKey !== undefined && lowKey[0] !== highKey[0]) return { points: [] }
  return {
    low: lowKey === undefined ? Buffer.from([rank]) : low?.op === '$gt' ? after(lowKey) : lowKey,
    high: highKey === undefined ? Buffer.from([rank + 1]) : high?.op === '$lte' ? after(highKey) : highKey
  }
}

/** In an index over an array, bounds on two paths into that array could be met by different elements: only the first may count. */
function usable (index: Index, part: number): boolean {
  const head = index.parts[part]?.path.parts[0]
  return !index.parts.slice(0, part).some((other, i) => other.path.parts[0] === head && (index.multikey[i] === true || index.multikey[part] === true))
}

function tryIndex (index: Index, demands: Demand[], sort: KeyPart[]): { plan: Plan, score: number } {
  let prefixes: Buffer[] = [prefix(2, index.id)]
  let equal = 0
  let bounds: Bounds | undefined
  let points = 0
  for (; equal < index.parts.length; equal++) {
    bounds = usable(index, equal) ? boundsFor(index, equal, demands) : undefined
    if (bounds?.points?.length !== 1) break
    prefixes = extend(index, equal, prefixes, bounds.points)
    bounds = undefined
  }
  const order = sortOrder(index, equal, sort)
  // Further $in and equalities after the first $in narrow too, where the number of ranges stays small.
  while (bounds?.points !== undefined && prefixes.length * bounds.points.length <= MAX_RANGES) {
    prefixes = extend(index, equal + points, prefixes, bounds.points)
    points++
    bounds = usable(index, equal + points) ? boundsFor(index, equal + points, demands) : undefined
  }
  const ranged = bounds !== undefined && bounds.points === undefined
  const ranges = prefixes.map((start): Range => ranged ? limit(index, equal + points, start, bounds as Bounds) : [cutBound(start), after(cutBound(start))])
  ranges.sort((a, b) => a[0].compare(b[0]))
  const single = index.unique && equal === index.parts.length
  const score = (single ? 1000 : 0) + equal * 20 + points * 10 + (ranged ? 10 : 0) + (order !== undefined && sort.length > 0 ? 7 : 0)
  const repeats = index.multikey.some(Boolean)
  const plan: Plan = { index, ranges: merged(ranges), reverse: order === 'reverse', repeats, sorted: order !== undefined, single }
  return { plan, score }
}

const writer = new KeyWriter()

function extend (index: Index, part: number, prefixes: Buffer[], points: Buffer[]): Buffer[] {
  const descending = index.parts[part]?.descending === true
  return prefixes.flatMap(start => points.map(point => writer.reset().raw(start).encoded(point, descending).take()))
}

function limit (index: Index, part: number, start: Buffer, { low, high }: Bounds): Range {
  const descending = index.parts[part]?.descending === true
  const from = writer.reset().raw(start).encoded((descending ? high : low) as Buffer, descending).take()
  const to = writer.reset().raw(start).encoded((descending ? low : high) as Buffer, descending).take()
  // Turned round, a bound that excludes its own bytes includes them and all that follows. A cut bound always includes what begins with it.
  return [descending && !isCut(from) ? after(from) : cutBound(from), descending || isCut(to) ? after(cutBound(to)) : to]
}

function merged (ranges: Range[]): Range[] {
  const out: Range[] = []
  for (const range of ranges) if (out.at(-1)?.[0].equals(range[0]) !== true && range[0].compare(range[1]) < 0) out.push(range)
  return out
}

/** Whether the index gives the sort's order, forwards or backwards; the first `equal` parts are the same for all documents, unless arrays are in play. */
function sortOrder (index: Index, equal: number, sort: KeyPart[]): 'forward' | 'reverse' | undefined {
  const constant = new Set(index.key.slice(0, equal).filter((_, i) => index.multikey[i] !== true).map(([path]) => path))
  let part = equal
  let reverse: boolean | undefined
  for (const { path, descending } of sort) {
    if (constant.has(path.text)) continue
    if (index.key[part]?.[0] !== path.text || index.multikey[part] === true || index.cut) return undefined
    const turned = descending !== index.parts[part]?.descending
    if (reverse !== undefined && reverse !== turned) return undefined
    reverse = turned
    part++
  }
  return reverse === true ? 'reverse' : 'forward'
}
