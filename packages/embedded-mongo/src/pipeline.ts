import { fields, show } from './bson.js'
import type { Val } from './bson-value.js'
import { build } from './bson-writer.js'
import { type Context, findCollection } from './context.js'
import { MongoError, notImplemented } from './errors.js'
import { compileFilter } from './match.js'
import { EMPTY, type Options } from './options.js'
import type { Query } from './query.js'

/** The only $group that is supported: countDocuments of the drivers sends it. */
const COUNT = build({ _id: 1, n: { $sum: 1 } })

interface Stage {
  /** MongoDB's error code for an argument that the stage does not take. */
  code: number
  takes: (argument: Val) => boolean
}

const isWhole = ({ isNumber, number }: Val): boolean => isNumber && Number.isInteger(number)

/** The supported stages. A pipeline may have each of them once, in this order. */
const STAGES = new Map<string, Stage>([
  ['$match', { code: 15959, takes: value => value.isObject }],
  ['$skip', { code: 5107200, takes: value => isWhole(value) && value.number >= 0 }],
  ['$limit', { code: 15958, takes: value => isWhole(value) && value.number >= 1 }],
  ['$group', { code: 238, takes: value => value.isObject && value.bytes.equals(COUNT) }]
])
const ORDER = [...STAGES.keys()]

/**
 * Reads a pipeline of the stages that countDocuments sends.
 *
 * @returns the query, and whether the pipeline counts its documents
 * @throws MongoError 40323 or 40324 for other stages, NotImplemented (238) for another order
 */
export function pipelineQuery (context: Context, options: Options): { query: Query, counts: boolean } {
  const stages = options.docs('pipeline').map(stageOf)
  const names = stages.map(([name]) => name)
  const places = names.map(name => ORDER.indexOf(name))
  const inOrder = places.every((place, i) => i === 0 || place > (places[i - 1] as number))
  if (!inOrder) throw notImplemented(`a pipeline of ${names.join()}`)
  const given = new Map(stages)
  const query = {
    filter: compileFilter(given.get('$match') ?? EMPTY),
    collection: findCollection(context),
    sort: [],
    hint: options.val('hint'),
    skip: given.get('$skip')?.number ?? 0,
    limit: given.get('$limit')?.number ?? 0
  }
  return { query, counts: given.has('$group') }
}

function stageOf (stage: Val): [name: string, argument: Val] {
  const [first, ...others] = fields(stage)
  if (first === undefined || first[0] === '' || others.length > 0) {
    throw new MongoError(40323, 'A pipeline stage specification object must contain exactly one field.')
  }
  const [name, argument] = first
  const known = STAGES.get(name)
  if (known === undefined) throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}'`)
  if (!known.takes(argument)) {
    const what = `the argument of ${name} is invalid, or not supported by the embedded server`
    throw new MongoError(known.code, `${what}: ${show(argument)}`)
  }
  return first
}
