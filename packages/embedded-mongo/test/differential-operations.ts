// Random operations that every MongoDB-compatible server must answer in the same way: nothing depends on an
// order that MongoDB leaves open.
import type { Collection, Document, IndexSpecification } from 'mongodb'

export interface Operation {
  title: string
  run(items: Collection): Promise<unknown>
}

/** SecantusDB's distinct treats true as 1 and false as 0; differential-cases.ts has the case. */
const differs = (json: string): boolean => !['0', '1', 'false', 'true'].includes(json)

export function differentialOperations (random: () => number): () => Operation {
  const whole = (limit: number) => Math.floor(random() * limit)
  const pick = <T>(list: readonly T[]): T => list[whole(list.length)]!
  const some = <T>(make: () => T, least = 0): T[] => Array.from({ length: least + whole(4) }, make)

  const number = () => pick([0, 1, 2, 3, 1.5, -1, 2 ** 33])
  const scalar = (): unknown =>
    pick<() => unknown>([
      number,
      number,
      () => pick(['', 'a', 'b', 'é']),
      () => null,
      () => random() < 0.5,
      () => new Date(whole(3))
    ])()
  const nested = (): Document => ({
    ...(random() < 0.8 ? { x: scalar() } : {}),
    ...(random() < 0.6 ? { y: number() } : {})
  })
  const id = () => whole(15)
  // Some updates need them: `n` is always a number, `list` always an array, `m` missing or a number.
  const doc = (): Document => ({
    n: number(),
    list: some(scalar),
    a: pick([scalar, nested, () => some(scalar)])(),
    ...(random() < 0.6 ? { b: scalar() } : {}),
    c: pick<() => unknown>([nested, () => some(nested)])()
  })

  const condition = (): unknown =>
    pick<() => unknown>([
      scalar,
      scalar,
      () => ({ $exists: random() < 0.5 }),
      () => ({ $nin: some(scalar, 1) }),
      () => ({ $eq: scalar() }),
      () => ({ $ne: scalar() }),
      () => ({ $gt: scalar() }),
      () => ({ $lte: scalar() }),
      () => ({ $in: some(scalar, 1) }),
      () => ({ $not: { $gt: scalar() } })
    ])()
  // SecantusDB intersects two bounds on an index of an array; differential-cases.ts has the case.
  const range = (): unknown => ({ $gte: number(), $lt: number() })
  const HOLD_ARRAYS = ['a', 'list']
  // The cases test missing fields and two bounds inside arrays.
  const inside = (): unknown =>
    pick<() => unknown>([
      number,
      () => ({ $in: some(number, 1) }),
      () => ({ $gt: 'a' }),
      () => ({ $lte: number() })
    ])()
  const path = () => pick(['_id', 'n', 'a', 'b', 'a.x', 'c.x', 'c.y', 'list'])
  const test = (at: string) => {
    if (at.includes('.')) return [at, inside()]
    return [at, !HOLD_ARRAYS.includes(at) && random() < 0.1 ? range() : condition()]
  }
  const clause = (): Document => Object.fromEntries([...some(path, 1)].slice(0, 2).map(test))
  const filter = (): Document =>
    pick<() => Document>([
      () => ({}),
      clause,
      clause,
      clause,
      () => ({ [pick(['$and', '$or', '$nor'])]: some(clause, 1) })
    ])()
  // The _id at the end makes the order complete.
  const sort = (): Document => ({
    ...Object.fromEntries(
      [pick(['n', 'b', '_id', 'a']), 'b']
        .slice(whole(2))
        .filter(each => each !== '_id')
        .map(each => [each, pick([1, -1])])
    ),
    _id: pick([1, -1])
  })

  const update = (): Document =>
    pick<() => Document>([
      () => ({ $set: { b: scalar(), 'd.e': number() } }),
      () => ({ $set: { a: nested() }, $inc: { n: whole(5) } }),
      () => ({ $unset: { b: '', 'c.y': '' } }),
      () => ({ $inc: { n: pick([1, -2, 0.5]), m: 1 } }),
      () => ({ $min: { n: number() }, $max: { b: number() } }),
      () => ({ $push: { list: scalar() } }),
      () => ({ $push: { list: { $each: some(scalar) } } }),
      () => ({ $addToSet: { list: scalar() } }),
      () => ({ $pull: { list: scalar() } }),
      () => ({ $setOnInsert: { n: 7 }, $set: { b: scalar() } })
    ])()
  const upserted = (): Document => ({
    $set: { b: scalar() },
    $setOnInsert: { n: number(), list: [number()], c: { x: 1 }, a: pick(['a', true]) }
  })

  const make: Array<() => [string, unknown[], (items: Collection) => Promise<unknown>]> = [
    () => {
      const it = { _id: id() as never, ...doc() }
      return ['insertOne', [it], items => items.insertOne(it)]
    },
    () => {
      const list = some(() => ({ _id: id() as never, ...doc() }), 1)
      const ordered = random() < 0.5
      return [
        'insertMany',
        [list, ordered],
        items => items.insertMany(list, { ordered }).catch(err => [err.code, err.insertedCount])
      ]
    },
    () => {
      const [f, s, skip, limit] = [filter(), sort(), whole(3), whole(5)]
      return [
        'find',
        [f, s, skip, limit],
        items => items.find(f, { sort: s, skip, limit, batchSize: 2 }).toArray()
      ]
    },
    () => {
      const [f, s] = [filter(), sort()]
      const projection = pick([{ a: 1 }, { _id: 0, b: 1, n: 1 }, { c: 1 }, { a: 0 }, { c: 0, list: 0 }])
      return ['find', [f, s, projection], items => items.find(f, { sort: s, projection }).toArray()]
    },
    () => {
      const f = filter()
      return ['countDocuments', [f], items => items.countDocuments(f)]
    },
    () => {
      const [f, key] = [filter(), pick(['n', 'b', 'list'])]
      return [
        'distinct',
        [key, f],
        async items =>
          (await items.distinct(key, f))
            .map(value => JSON.stringify(value))
            .filter(differs)
            .sort()
      ]
    },
    () => {
      const [f, u] = [filter(), update()]
      return [
        'updateMany',
        [f, u],
        async items => {
          const { matchedCount, modifiedCount } = await items.updateMany(f, u)
          return [matchedCount, modifiedCount]
        }
      ]
    },
    () => {
      const [_id, u] = [id() as never, upserted()]
      return [
        'updateOne, upsert',
        [_id, u],
        async items => {
          const it = await items.updateOne({ _id }, u, { upsert: true })
          return [it.matchedCount, it.upsertedId]
        }
      ]
    },
    () => {
      const [_id, it] = [id() as never, doc()]
      return ['replaceOne', [_id, it], async items => (await items.replaceOne({ _id }, it)).matchedCount]
    },
    () => {
      const [f, u, s, returnDocument] = [filter(), update(), sort(), pick(['before', 'after'] as const)]
      return [
        'findOneAndUpdate',
        [f, u, s, returnDocument],
        items => items.findOneAndUpdate(f, u, { sort: s, returnDocument })
      ]
    },
    () => {
      const [f, s] = [filter(), sort()]
      return ['findOneAndDelete', [f, s], items => items.findOneAndDelete(f, { sort: s })]
    },
    () => {
      const _id = id() as never
      return ['deleteOne', [_id], async items => (await items.deleteOne({ _id })).deletedCount]
    },
    () => {
      const f = { ...clause(), n: number() }
      return ['deleteMany', [f], async items => (await items.deleteMany(f)).deletedCount]
    },
    () => {
      const key = pick<IndexSpecification>([
        { n: 1 },
        { a: 1 },
        { 'c.x': -1 },
        { b: 1, n: -1 },
        { list: 1 },
        { n: 1, a: 1 }
      ])
      return ['createIndex', [key], items => items.createIndex(key)]
    }
  ]
  return () => {
    const [title, args, run] = pick(make)()
    return { title: `${title} ${JSON.stringify(args)}`, run }
  }
}
