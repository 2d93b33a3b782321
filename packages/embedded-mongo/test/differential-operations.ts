// Random operations that every MongoDB-compatible server must answer in the same way: nothing depends on an
// order that MongoDB leaves open.
import type { Collection } from 'mongodb'
import { Chance } from './chance.js'
import { clause, doc, filter, id, indexKey, number, sort, update, upserted } from './differential-values.js'

export interface Operation {
  title: string
  run(items: Collection): Promise<unknown>
}

/** SecantusDB's distinct treats true as 1 and false as 0; differential-command-cases.ts has the case. */
const differs = (json: string): boolean => !['0', '1', 'false', 'true'].includes(json)

/** The name of an operation, its arguments for the title, and how it runs. */
type Call = [string, unknown[], (items: Collection) => Promise<unknown>]

const CALLS: Array<(chance: Chance) => Call> = [
  chance => {
    const it = { _id: id(chance) as never, ...doc(chance) }
    return ['insertOne', [it], items => items.insertOne(it)]
  },
  chance => {
    const list = chance.some(() => ({ _id: id(chance) as never, ...doc(chance) }), 1)
    const ordered = chance.random() < 0.5
    return [
      'insertMany',
      [list, ordered],
      items => items.insertMany(list, { ordered }).catch(err => [err.code, err.insertedCount])
    ]
  },
  chance => {
    const [f, s, skip, limit] = [filter(chance), sort(chance), chance.whole(3), chance.whole(5)]
    return [
      'find',
      [f, s, skip, limit],
      items => items.find(f, { sort: s, skip, limit, batchSize: 2 }).toArray()
    ]
  },
  chance => {
    const [f, s] = [filter(chance), sort(chance)]
    const projection = chance.pick([{ a: 1 }, { _id: 0, b: 1, n: 1 }, { c: 1 }, { a: 0 }, { c: 0, list: 0 }])
    return ['find', [f, s, projection], items => items.find(f, { sort: s, projection }).toArray()]
  },
  chance => {
    const f = filter(chance)
    return ['countDocuments', [f], items => items.countDocuments(f)]
  },
  chance => {
    const [f, key] = [filter(chance), chance.pick(['n', 'b', 'list'])]
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
  chance => {
    const [f, u] = [filter(chance), update(chance)]
    return [
      'updateMany',
      [f, u],
      async items => {
        const { matchedCount, modifiedCount } = await items.updateMany(f, u)
        return [matchedCount, modifiedCount]
      }
    ]
  },
  chance => {
    const [_id, u] = [id(chance) as never, upserted(chance)]
    return [
      'updateOne, upsert',
      [_id, u],
      async items => {
        const it = await items.updateOne({ _id }, u, { upsert: true })
        return [it.matchedCount, it.upsertedId]
      }
    ]
  },
  chance => {
    const [_id, it] = [id(chance) as never, doc(chance)]
    return ['replaceOne', [_id, it], async items => (await items.replaceOne({ _id }, it)).matchedCount]
  },
  chance => {
    const [f, u, s, returnDocument] = [
      filter(chance),
      update(chance),
      sort(chance),
      chance.pick(['before', 'after'] as const)
    ]
    return [
      'findOneAndUpdate',
      [f, u, s, returnDocument],
      items => items.findOneAndUpdate(f, u, { sort: s, returnDocument })
    ]
  },
  chance => {
    const [f, s] = [filter(chance), sort(chance)]
    return ['findOneAndDelete', [f, s], items => items.findOneAndDelete(f, { sort: s })]
  },
  chance => {
    const _id = id(chance) as never
    return ['deleteOne', [_id], async items => (await items.deleteOne({ _id })).deletedCount]
  },
  chance => {
    const f = { ...clause(chance), n: number(chance) }
    return ['deleteMany', [f], async items => (await items.deleteMany(f)).deletedCount]
  },
  chance => {
    const key = indexKey(chance)
    return ['createIndex', [key], items => items.createIndex(key)]
  }
]

export function differentialOperations (random: () => number): () => Operation {
  const chance = new Chance(random)
  return () => {
    const [title, args, run] = chance.pick(CALLS)(chance)
    return { title: `${title} ${JSON.stringify(args)}`, run }
  }
}
