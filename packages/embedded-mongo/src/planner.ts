import type { Val } from './bson-value.js'
import type { Collection, Index } from './collection.js'
import { MongoError } from './errors.js'
import { EMPTY_ARRAY, distinct } from './index-keys.js'
import { findIndex } from './index-lookup.js'
import { KeyWriter, after } from './keystring.js'
import type { Demand, Filter } from './match.js'
import type { KeyPart } from './path.js'

/** A stretch of keys, end exclusive. */
export type Range = [start: Buffer, end: Buffer]

/** A stretch of encoded values of one part of an index; a single value has no end. */
type Bound = [low: Buffer, high?: Buffer]

/** How a query finds its documents. Each document that it reads is tested against the whole filter again. */
export interface Plan {
  /** Undefined: all documents are read, in the order of their insertion. */
  index: Index | undefined
  /** How many parts of the index bound what is read. */
  bounded: number
  ranges: Range[]
  reverse: boolean
  /** Whether the documents come in the order that the sort asks for. */
  sorted: boolean
  /** Whether only the entry of a unique index at the start of each range can match. */
  points: boolean
  score: number
}

/** Whether a range has more than `n` entries. */
type IsLonger = (range: Range, n: number) => boolean

/** Longest key that LMDB takes, in bytes. */
const MAX_LMDB_KEY = 1978
/** Numbers of entries up to which plans are compared. LMDB skips them in a fraction of a millisecond. */
const FEWEST_COMPARED = 16
const MOST_COMPARED = 4096

/** A longer equality prefix wins over a range or `$in`, which wins over the order of the sort. */
const SCORE = { equality: 20, range: 10, sort: 7, unique: 1000 }

const writer = new KeyWriter()

/**
 * Chooses how to find a query's documents: the index with the longest equality prefix, then by a range or
 * `$in`, then by the sort. Of plans that are bounded by different fields it takes the one that reads fewer
 * entries.
 *
 * @throws MongoError BadValue (2) for a hint that names no index
 */
export function plan (
  collection: Collection, { demands }: Filter, sort: KeyPart[], hint: Val | undefined, isLonger: IsLonger
): Plan {
  if (hint !== undefined) {
    const index = findIndex(collection.indexes, hint)
    if (index !== undefined) return planFor(index, demands, sort)
    const reason = 'hint provided does not correspond to an existing index'
    throw new MongoError(2, `planner returned error :: caused by :: ${reason}`)
  }
  const plans = collection.indexes
    .filter(index => isUseful(index, demands, sort))
    .map(index => planFor(index, demands, sort))
  let best = scanAll(collection, sort)
  for (const candidate of plans) {
    if (candidate.score > best.score) best = candidate
  }
  return best.score === SCORE.unique ? best : shortest(best, plans, isLonger)
}

function scanAll ({ prefix }: Collection, sort: KeyPart[]): Plan {
  return {
    index: undefined,
    bounded: 0,
    ranges: [[prefix, after(prefix)]],
    reverse: false,
    sorted: sort.length === 0,
    points: false,
    score: 0
  }
}

function isUseful ({ key: [first] }: Index, demands: Demand[], sort: KeyPart[]): boolean {
  return sort[0]?.path.text === first?.[0] || demands.some(({ path }) => path === first?.[0])
}

function boundedBy ({ index, bounded }: Plan): string[] {
  return index?.key.slice(0, bounded).map(([path]) => path) ?? []
}

/** The best plan, unless a plan that is bounded by another field and sorted like it reads fewer entries. */
function shortest (best: Plan, plans: Plan[], isLonger: IsLonger): Plan {
  const paths = boundedBy(best)
  const rivals = plans.filter(other =>
    other.sorted === best.sorted && boundedBy(other).some(path => !paths.includes(path)))
  if (rivals.length === 0) return best
  const candidates = [best, ...rivals]
  for (let n = FEWEST_COMPARED; n <= MOST_COMPARED; n *= 4) {
    const short = candidates.find(({ ranges }) =>
      ranges.length <= n && !ranges.some(range => isLonger(range, n)))
    if (short !== undefined) return short
  }
  return best
}

/** The bounds that the demands give one part of an index; undefined: all values. */
function boundsFor (index: Index, part: number, demands: Demand[]): Bound[] | undefined {
  const own = demands.filter(demand => demand.path === index.key[part]?.[0])
  if (own.length === 0 || sharesArray(index, part)) return undefined
  const lists = own.filter(({ op }) => op === 'in').sort((a, b) => a.keys.length - b.keys.length)
  const [shortestList] = lists
  if (shortestList !== undefined) return distinct([...shortestList.keys]).map(key => [key])
  return rangeOf(own, index.multikey[part] === true)
}

/**
 * Whether an earlier part leads into the same array. Different elements may meet the bounds of the two paths,
 * so only the bounds of the first part can be used.
 */
function sharesArray ({ parts, multikey }: Index, part: number): boolean {
  const head = parts[part]?.path.parts[0]
  return parts.slice(0, part).some((other, i) =>
    other.path.parts[0] === head && (multikey[i] === true || multikey[part] === true))
}

function rangeOf (demands: Demand[], multikey: boolean): Bound[] | undefined {
  const limits = demands.map(({ op, keys: [key = EMPTY_ARRAY] }) => {
    const isBehind = op === '$gt' || op === '$lte'
    return { op, rank: key[0] as number, at: isBehind ? after(key) : key }
  })
  limits.sort((a, b) => a.at.compare(b.at))
  const low = limits.findLast(({ op }) => op.startsWith('$gt'))
  // Different elements of an array may meet the two ends, so only one of them can be used.
  const lowOnly = low !== undefined && multikey
  const high = lowOnly ? undefined : limits.find(({ op }) => op.startsWith('$lt'))
  const rank = (low ?? high)?.rank
  if (rank === undefined) return undefined
  return [[low?.at ?? Buffer.from([rank]), high?.at ?? Buffer.from([rank + 1])]]
}

/** The leading parts of an index that are bound to one value each, and the bounds of the part behind them. */
interface Prefix {
  equal: number
  start: Buffer
  bounds: Bound[] | undefined
}

function equalityPrefix (index: Index, demands: Demand[]): Prefix {
  let equal = 0
  let start = index.prefix
  let bounds = boundsFor(index, equal, demands)
  while (bounds?.length === 1) {
    const [low, high] = bounds[0] as Bound
    if (high !== undefined) break
    start = extend(start, low, index.parts[equal])
    equal++
    bounds = boundsFor(index, equal, demands)
  }
  return { equal, start, bounds }
}

function extend (start: Buffer, encoded: Buffer, part: KeyPart | undefined): Buffer {
  return writer.reset().raw(start).value(encoded, part?.descending).take()
}

function planFor (index: Index, demands: Demand[], sort: KeyPart[]): Plan {
  const { equal, start, bounds } = equalityPrefix(index, demands)
  if (index.unique && equal === index.parts.length) return singleEntry(index, equal, start)
  const part = index.parts[equal]
  const all = bounds?.map(bound => rangeIn(start, bound, part)) ?? [startingWith(start)]
  const ranges = all.map(cut).filter(isFilled).sort(([a], [b]) => a.compare(b))
  const order = orderGiven(index, equal, sort)
  if (order === 'backward') ranges.reverse()
  const givesSort = order !== undefined && sort.length > 0
  return {
    index,
    bounded: bounds === undefined ? equal : equal + 1,
    ranges,
    reverse: order === 'backward',
    sorted: order !== undefined,
    points: arePoints(index, equal, bounds),
    score: equal * SCORE.equality + (bounds === undefined ? 0 : SCORE.range) + (givesSort ? SCORE.sort : 0)
  }
}

/** Whether bounds name one entry each. An array may have several, which lead to one document. */
function arePoints ({ unique, parts, multikey }: Index, equal: number, bounds: Bound[] = []): boolean {
  return unique && equal === parts.length - 1 && !multikey.includes(true) &&
    bounds.length > 0 && bounds.every(([, high]) => high === undefined)
}

function singleEntry (index: Index, bounded: number, key: Buffer): Plan {
  const point = key.subarray(0, MAX_LMDB_KEY)
  return {
    index, bounded, ranges: [[point, point]], reverse: false, sorted: true, points: true, score: SCORE.unique
  }
}

const startingWith = (key: Buffer): Range => [key, after(key)]

function rangeIn (start: Buffer, [low, high]: Bound, part: KeyPart | undefined): Range {
  const from = extend(start, low, part)
  if (high === undefined) return startingWith(from)
  const to = extend(start, high, part)
  if (part?.descending !== true) return [from, to]
  // The bytes are inverted. A bound that excluded its own bytes now includes all keys that begin with them.
  return [after(to), after(from)]
}

/** Cuts the ends of a range to what LMDB takes. No key is longer. */
const cut = ([start, end]: Range): Range => [start.subarray(0, MAX_LMDB_KEY), end.subarray(0, MAX_LMDB_KEY)]

const isFilled = ([start, end]: Range): boolean => start.compare(end) < 0

/**
 * Finds the direction in which an index gives the sort's order, undefined if it does not. The first `equal`
 * parts have the same value in all documents, unless there are arrays.
 */
function orderGiven (
  { key, parts, multikey }: Index, equal: number, sort: KeyPart[]
): 'forward' | 'backward' | undefined {
  const constant = key.slice(0, equal).filter((_, i) => multikey[i] !== true).map(([path]) => path)
  const rest = sort.filter(({ path }) => !constant.includes(path.text))
  const isTurned = (i: number): boolean => rest[i]?.descending !== parts[equal + i]?.descending
  const turned = rest.length > 0 && isTurned(0)
  const given = rest.every(({ path }, i) => {
    const samePath = path.text === key[equal + i]?.[0]
    return samePath && multikey[equal + i] !== true && isTurned(i) === turned
  })
  if (!given) return undefined
  return turned ? 'backward' : 'forward'
}
