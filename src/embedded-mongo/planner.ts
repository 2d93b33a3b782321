import { MongoError } from './errors.js'
import { Val, fields } from './bson.js'
import type { Collection, Index } from './catalog.js'
import { type KeyPart, MAX_KEY } from './index-keys.js'
import { KeyWriter, after } from './keystring.js'
import type { Demand, Filter } from './match.js'
import { prefix } from './catalog.js'

/** A stretch of LMDB keys, end exclusive. */
export type Range = [start: Buffer, end: Buffer]

/** How a query finds its documents; whatever it reads is tested against the whole filter again. */
export interface Plan {
  /** Undefined: every document, in the order in which they were inserted. */
  index: Index | undefined
  ranges: Range[]
  reverse: boolean
  /** Whether the documents come in the order that the sort asks for. */
  sorted: boolean
  /** At most one document can match. */
  single: boolean
}

/** Chooses the index with the longest equality prefix, then by a range or `$in`, then by the sort. Throws BadValue (2) for a hint without an index. */
export function plan (collection: Collection, { demands }: Filter, sort: KeyPart[], hint?: Val): Plan {
  const natural = hint?.isObject === true ? fields(hint).find(([name]) => name === '$natural')?.[1] : undefined
  const scan: Plan = { index: undefined, ranges: [[prefix(1, collection.id), prefix(1, collection.id + 1)]], reverse: natural !== undefined && natural.number < 0, sorted: sort.length === 0, single: false }
  if (natural !== undefined) return scan
  const forced = hint === undefined ? undefined : collection.indexes.find(({ name, key }) => hint.isObject ? sameKey(fields(hint).map(([path, { number }]) => [path, number]), key) : name === hint.string)
  if (hint !== undefined && forced === undefined) throw new MongoError(2, 'error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index')
  if (forced !== undefined) return tryIndex(forced, demands, sort).plan
  let best = { plan: scan, score: 0 }
  for (const index of collection.indexes) {
    const candidate = tryIndex(index, demands, sort)
    if (candidate.score > best.score) best = candidate
  }
  return best.plan
}

export function sameKey (a: Index['key'], b: Index['key']): boolean { return JSON.stringify(a) === JSON.stringify(b) }

/** What the demands on one part of an index come to: points, or a range of encoded values. */
interface Bounds { points?: Buffer[], low?: Buffer, high?: Buffer }

function boundsFor (index: Index, part: number, demands: Demand[]): Bounds {
  const head = index.parts[part]?.path.parts[0]
  // In an index over an array, bounds on two paths into that array may be met by different elements: only the first counts.
  if (index.parts.slice(0, part).some((other, i) => other.path.parts[0] === head && (index.multikey[i] === true || index.multikey[part] === true))) return {}
  const own = demands.filter(demand => demand.path === index.key[part]?.[0])
  const points = own.filter(({ op }) => op === 'in').sort((a, b) => a.keys.length - b.keys.length)[0]
  if (points !== undefined) return { points: points.keys }
  const low = own.find(({ op }) => op === '$gt' || op === '$gte')
  // So may the two ends of a range.
  const high = low !== undefined && index.multikey[part] === true ? undefined : own.find(({ op }) => op === '$lt' || op === '$lte')
  const [lowKey, highKey] = [low?.keys[0], high?.keys[0]]
  const rank = (lowKey ?? highKey)?.[0]
  if (rank === undefined) return {}
  if (lowKey !== undefined && highKey !== undefined && highKey[0] !== rank) return { points: [] }
  return {
    low: lowKey === undefined ? Buffer.from([rank]) : low?.op === '$gt' ? after(lowKey) : lowKey,
    high: highKey === undefined ? Buffer.from([rank + 1]) : high?.op === '$lte' ? after(highKey) : highKey
  }
}

const writer = new KeyWriter()

function tryIndex (index: Index, demands: Demand[], sort: KeyPart[]): { plan: Plan, score: number } {
  const extended = (start: Buffer, part: number, encoded: Buffer): Buffer => writer.reset().raw(start).encoded(encoded, index.parts[part]?.descending === true).take()
  let start = prefix(2, index.id)
  let equal = 0
  let bounds: Bounds = {}
  for (; equal < index.parts.length; equal++) {
    bounds = boundsFor(index, equal, demands)
    if (bounds.points?.length !== 1) break
    start = extended(start, equal, bounds.points[0] as Buffer)
    bounds = {}
  }
  const { points, low, high } = bounds
  const begins = (bytes: Buffer): Range => [bytes.subarray(0, MAX_KEY), after(bytes.subarray(0, MAX_KEY))]
  let ranges: Range[] = [begins(start)]
  if (points !== undefined) ranges = points.map(point => begins(extended(start, equal, point))).sort((a, b) => a[0].compare(b[0])).filter(([from], i, list) => i === 0 || list[i - 1]?.[0].equals(from) === false)
  else if (low !== undefined && high !== undefined) {
    const descending = index.parts[equal]?.descending === true
    const [from, to] = (descending ? [high, low] : [low, high]).map(bound => extended(start, equal, bound)) as [Buffer, Buffer]
    // Turned round, a bound that excludes its own bytes includes them and all that follows. A cut bound always includes what begins with it.
    ranges = [[descending && from.length <= MAX_KEY ? after(from) : begins(from)[0], descending || to.length > MAX_KEY ? begins(to)[1] : to]]
  }
  const order = sortOrder(index, equal, sort)
  const single = index.unique && equal === index.parts.length
  const score = (single ? 1000 : 0) + equal * 20 + (points === undefined && low === undefined ? 0 : 10) + (order === undefined || sort.length === 0 ? 0 : 7)
  return { plan: { index, ranges: ranges.filter(([from, to]) => from.compare(to) < 0), reverse: order === 'reverse', sorted: order !== undefined, single }, score }
}

/** Whether the index gives the sort's order, forwards or backwards; its first `equal` parts are the same for all documents, unless arrays are in play. */
function sortOrder (index: Index, equal: number, sort: KeyPart[]): 'forward' | 'reverse' | undefined {
  const constant = index.key.slice(0, equal).filter((_, i) => index.multikey[i] !== true).map(([path]) => path)
  let part = equal
  let reverse: boolean | undefined
  for (const { path, descending } of sort) {
    if (constant.includes(path.text)) continue
    const turned = descending !== index.parts[part]?.descending
    if (index.key[part]?.[0] !== path.text || index.multikey[part] === true || index.cut || (reverse !== undefined && reverse !== turned)) return undefined
    reverse = turned
    part++
  }
  return reverse === true ? 'reverse' : 'forward'
}
