import { MongoError } from './errors.js'
import { T, Val, field, fields, values } from './bson.js'
import type { Collection, Index } from './catalog.js'
import { KeyWriter, RANK, after } from './keystring.js'
import { type Demand, type Filter, type Path, isIndex, parsePath } from './match.js'

/** The fields of an index or a sort, in order. */
export interface KeyPart { path: Path, descending: boolean }
/** A stretch of keys, end exclusive. */
export type Range = [start: Buffer, end: Buffer]
/** What a part of a key is made of; undefined is missing. */
type Slot = Val | Buffer | undefined
/** Longest key of an index, without prefix and record number, and longest key that LMDB takes. */
const [MAX_KEY, MAX_LMDB_KEY] = [1900, 1978]
/** Entries up to which plans are compared, by leaps: a fraction of a millisecond. */
const [FEWEST_COMPARED, MOST_COMPARED] = [16, 4096]
const EMPTY_ARRAY = Buffer.from([RANK.emptyArray])
const writer = new KeyWriter()
export const keyParts = (key: Index['key']): KeyPart[] => key.map(([path, direction]) => ({ path: parsePath(path), descending: direction < 0 }))
export const sameKey = (a: Index['key'], b: Index['key']): boolean => JSON.stringify(a) === JSON.stringify(b)
/** Each key once, in order. */
const distinct = (keys: Buffer[]): Buffer[] => keys.length < 2 ? keys : keys.sort(Buffer.compare).filter((key, i) => keys[i - 1]?.equals(key) !== true)
/** The key that a document describes, its directions as they are; NaN where one is no number. */
export const patternOf = (key: Val): Index['key'] => fields(key).map(([path, direction]) => [path, direction.isNumber ? direction.number : NaN])
/** The index that a client means by its name or its key. */
export function findIndex (indexes: Index[], wanted: Val): Index | undefined {
  if (wanted.type === T.string) return indexes.find(({ name }) => name === wanted.string)
  return wanted.isObject ? indexes.find(({ key }) => sameKey(key, patternOf(wanted))) : undefined
}

/** The keys of a document in an index; `multikey` notes which parts met an array. Throws KeyTooLong (17280), and what {@link allKeys} throws. */
export function keysOf (parts: KeyPart[], doc: Val, multikey?: boolean[]): Buffer[] {
  const keys = allKeys(parts, doc, multikey)
  if (keys.every(({ length }) => length <= MAX_KEY)) return keys
  throw new MongoError(17280, `key too large to index, the embedded server allows ${MAX_KEY} bytes: ${parts.map(({ path }) => path.text).join(', ')}`)
}

/** What a sort compares: the document's key that comes first in the sort's order. */
export const sortKey = (parts: KeyPart[], doc: Val): Buffer => allKeys(parts, doc)[0] as Buffer
/** The values that made this key of the document; missing ones are undefined. */
export function slotsOf (parts: KeyPart[], doc: Val, key: Buffer): Array<Val | undefined> {
  return rowsOf(parts, doc).find(row => assemble(parts, row).equals(key))?.map(slot => slot instanceof Val ? slot : undefined) ?? []
}

/** One key for each element where a path meets an array, elements of one array going together, as MongoDB's BtreeKeyGenerator does.
  * Throws CannotIndexParallelArrays (171), without `multikey` BadValue (2), for two arrays side by side, and BadValue (2) for types without an order here. */
function allKeys (parts: KeyPart[], doc: Val, multikey?: boolean[]): Buffer[] { return distinct(rowsOf(parts, doc, multikey).map(row => assemble(parts, row))) }
function assemble (parts: KeyPart[], row: Slot[]): Buffer {
  writer.reset()
  for (let i = 0; i < parts.length; i++) writer.value(row[i], parts[i]?.descending)
  return writer.take()
}

/** The values of each key. `at`: for each part the next component of its path, or -1 where its value is in `row`. */
function rowsOf (parts: KeyPart[], doc: Val, multikey?: boolean[], at = parts.map(() => 0), row: Slot[] = parts.map(() => undefined)): Slot[][] {
  let array: Val | undefined
  for (let i = 0; i < parts.length; i++) {
    const { names, parts: named, text } = (parts[i] as KeyPart).path
    let [value, position]: [Val | undefined, number] = [doc, at[i] as number]
    if (position < 0) continue
    do value = field(value, names[position++] as Buffer)
    while (value?.isObject === true && position < names.length)
    at[i] = value?.isArray === true ? position : -1
    if (value?.isArray === true) {
      if (array !== undefined && array.start !== value.start) throw new MongoError(multikey === undefined ? 2 : 171, `parallel arrays: ${text}`)
      if (isIndex(named[position])) throw new MongoError(2, `an array position in an index or a sort is not supported by the embedded server: ${text}`)
      array = value
      if (multikey !== undefined) multikey[i] = true
    } else if (position === names.length) row[i] = value
  }
  if (array === undefined) return [row]
  const items = values(array)
  return (items.length === 0 ? [EMPTY_ARRAY] : items).flatMap(item => {
    const ended = at.map((position, i) => position === parts[i]?.path.names.length)
    const filled = row.map((slot, i) => ended[i] === true ? item : slot)
    if (!(item instanceof Val && item.isObject)) return [filled]
    return rowsOf(parts, item, multikey, at.map((position, i) => ended[i] === true ? -1 : position), filled)
  })
}

/** How a query finds its documents; what it reads is tested against the whole filter again. Without an `index` it
  * reads all documents as they were inserted. `bounded`: how many parts of the index bound what is read. `sorted`:
  * they come in the order that the sort asks for. `single`: only the entry of a unique index at which the only range
  * starts can match. */
export interface Plan {
  index: Index | undefined,
  bounded: number,
  ranges: Range[]
  reverse: boolean,
  sorted: boolean,
  single: boolean,
  score: number
}
/** Whether there are more than `n` entries in a range. */
type IsLonger = (range: Range, n: number) => boolean
/** Chooses the index with the longest equality prefix, then by a range or `$in`, then by the sort; of those that
  * different fields bound the one that reads fewer entries. Throws BadValue (2) for a hint without an index. */
export function plan (
  collection: Collection, { demands }: Filter, sort: KeyPart[], hint: Val | undefined, isLonger: IsLonger
): Plan {
  const forced = hint === undefined ? undefined : findIndex(collection.indexes, hint)
  if (forced !== undefined) return planFor(forced, demands, sort)
  if (hint !== undefined) throw new MongoError(2, 'planner returned error :: caused by :: hint provided does not correspond to an existing index')
  const ranges: Range[] = [[collection.prefix, after(collection.prefix)]]
  const sorted = sort.length === 0
  const scan: Plan = { index: undefined, bounded: 0, ranges, reverse: false, sorted, single: false, score: 0 }
  const useful = collection.indexes.filter(({ key: [first] }) => sort[0]?.path.text === first?.[0] || demands.some(({ path }) => path === first?.[0]))
  const plans = useful.map(index => planFor(index, demands, sort))
  const best = plans.reduce((best, candidate) => candidate.score > best.score ? candidate : best, scan)
  return best.single ? best : shortest(best, plans, isLonger)
}

const boundedBy = ({ index, bounded }: Plan): string[] =>
  index?.key.slice(0, bounded).map(([path]) => path) ?? []
/** The best plan, unless another one, bounded by another field and sorted like it, reads fewer entries. */
function shortest (best: Plan, plans: Plan[], isLonger: IsLonger): Plan {
  const paths = boundedBy(best)
  const rivals = plans.filter(other =>
    other.sorted === best.sorted && boundedBy(other).some(path => !paths.includes(path)))
  for (let n = FEWEST_COMPARED; rivals.length > 0 && n <= MOST_COMPARED; n *= 4) {
    const short = [best, ...rivals].find(({ ranges }) =>
      ranges.length <= n && !ranges.some(range => isLonger(range, n)))
    if (short !== undefined) return short
  }
  return best
}

/** The stretches of encoded values that the demands leave of one part of an index, a single value without an end; undefined: all. */
function boundsFor ({ key, parts, multikey }: Index, part: number, demands: Demand[]): Array<[low: Buffer, high?: Buffer]> | undefined {
  const own = demands.filter(demand => demand.path === key[part]?.[0])
  if (own.length === 0) return undefined
  const head = parts[part]?.path.parts[0]
  // In an index over an array, bounds on two paths into that array may be met by different elements: only the first counts.
  if (parts.slice(0, part).some((other, i) => other.path.parts[0] === head && (multikey[i] === true || multikey[part] === true))) return undefined
  const points = own.filter(({ op }) => op === 'in').sort((a, b) => a.keys.length - b.keys.length)[0]
  if (points !== undefined) return distinct([...points.keys]).map(point => [point])
  const bounds = own.map(({ op, keys: [key = EMPTY_ARRAY] }) => (
    { op, rank: key[0] as number, at: op === '$gt' || op === '$lte' ? after(key) : key }))
  bounds.sort((a, b) => a.at.compare(b.at))
  const low = bounds.findLast(({ op }) => op.startsWith('$gt'))
  // So may the two ends of a range.
  const lowOnly = low !== undefined && multikey[part] === true
  const high = lowOnly ? undefined : bounds.find(({ op }) => op.startsWith('$lt'))
  const rank = (low ?? high)?.rank
  if (rank === undefined) return undefined
  return [[low?.at ?? Buffer.from([rank]), high?.at ?? Buffer.from([rank + 1])]]
}

function planFor (index: Index, demands: Demand[], sort: KeyPart[]): Plan {
  let [equal, start] = [0, index.prefix]
  let bounds = boundsFor(index, 0, demands)
  const extended = (encoded: Buffer): Buffer => writer.reset().raw(start).value(encoded, index.parts[equal]?.descending).take()
  for (; bounds?.length === 1 && bounds[0]?.length === 1; bounds = boundsFor(index, ++equal, demands)) start = extended(bounds[0][0])
  const point = start.subarray(0, MAX_LMDB_KEY)
  if (index.unique && equal === index.parts.length) {
    const ranges: Range[] = [[point, point]]
    return { index, bounded: equal, ranges, reverse: false, sorted: true, single: true, score: 1000 }
  }
  // Turned round, a bound that excludes its own bytes includes them and all that follows.
  const turned = index.parts[equal]?.descending === true
  const beginning = (key: Buffer): Range => [key, after(key)]
  const ends = ([low, high]: [Buffer, Buffer?]): Range => {
    if (high === undefined) return beginning(extended(low))
    return turned ? [after(extended(high)), after(extended(low))] : [extended(low), extended(high)]
  }
  const ranges = bounds?.map(ends) ?? [beginning(start)]
  const backwards = isBackwards(index, equal, sort)
  const score = equal * 20 + (bounds === undefined ? 0 : 10) + (backwards === undefined || sort.length === 0 ? 0 : 7)
  const cut = ranges.map(range => range.map(key => key.subarray(0, MAX_LMDB_KEY)) as Range)
  const read = cut.filter(([from, to]) => from.compare(to) < 0).sort(([a], [b]) => a.compare(b))
  const reverse = backwards === true
  const bounded = equal + Number(bounds !== undefined)
  if (reverse) read.reverse()
  return { index, bounded, ranges: read, reverse, sorted: backwards !== undefined, single: false, score }
}

/** Which way the index gives the sort's order, undefined if it does not; its first `equal` parts are the same for all documents, unless arrays are in play. */
function isBackwards ({ key, parts, multikey }: Index, equal: number, sort: KeyPart[]): boolean | undefined {
  const constant = key.slice(0, equal).filter((_, i) => multikey[i] !== true).map(([path]) => path)
  const rest = sort.filter(({ path }) => !constant.includes(path.text))
  const turned = rest.map(({ descending }, i) => descending !== parts[equal + i]?.descending)
  const given = rest.every(({ path }, i) => path.text === key[equal + i]?.[0] && multikey[equal + i] !== true && turned[i] === turned[0])
  return given ? turned[0] === true : undefined
}
