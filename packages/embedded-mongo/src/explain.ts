import { fields } from './bson.js'
import type { Field, Plain } from './bson-value.js'
import { DELETE, UPDATE, optionsOf } from './command-options.js'
import { type Context, namespaceOf } from './context.js'
import { drain } from './documents.js'
import { MongoError } from './errors.js'
import { Options } from './options.js'
import { pipelineQuery } from './pipeline.js'
import type { Plan } from './planner.js'
import { type Examined, type Query, planOf, run } from './query.js'
import { queryOf } from './reads.js'

/** The commands that can be explained, with the option that holds their filter. */
const FILTERS = new Map([
  ['find', 'filter'],
  ['count', 'query'],
  ['distinct', 'query'],
  ['findAndModify', 'query'],
  ['update', 'q'],
  ['delete', 'q']
])

/**
 * Answers how a command would find its documents; of several statements it explains the first one. Unless
 * only the plan is asked for, it reads the documents and counts what that takes. It changes nothing.
 *
 * @throws MongoError CommandNotFound (59) for a command that cannot be explained
 */
export async function explain (context: Context, outer: Options): Promise<Plain> {
  const given = fields(context.target)
  const [command, target] = given[0] ?? ['', context.target]
  const inner = { ...context, command, target }
  const query = explainedQuery(inner, given)
  const queryPlanner = {
    namespace: namespaceOf(inner), winningPlan: describePlan(planOf(context.store, query)), rejectedPlans: []
  }
  const planOnly = outer.val('verbosity')?.string === 'queryPlanner'
  const executionStats = planOnly ? undefined : await execute(context, query)
  return { explainVersion: '1', queryPlanner, executionStats, command: context.target, ok: 1 }
}

function explainedQuery (context: Context, given: Field[]): Query {
  const { command } = context
  if (command === 'aggregate') {
    return pipelineQuery(context, new Options(command, given, optionsOf(command))).query
  }
  const filter = FILTERS.get(command)
  if (filter === undefined) throw new MongoError(59, `Explain failed due to unknown command: ${command}`)
  return queryOf(context, optionsOfFirst(command, given), filter)
}

/** The options of a command, or of its first statement. */
function optionsOfFirst (command: string, given: Field[]): Options {
  const options = new Options(command, given, optionsOf(command))
  if (command !== 'update' && command !== 'delete') return options
  const [statement] = options.docs(`${command}s`)
  if (statement === undefined) return options
  return new Options(command, fields(statement), command === 'update' ? UPDATE : DELETE)
}

/** Describes a plan as MongoDB's explain does (MongoDB manual, Explain Results). */
function describePlan (plan: Plan | undefined): Plain {
  const source = describeSource(plan)
  return plan?.sorted === false ? { stage: 'SORT', inputStage: source } : source
}

function describeSource (plan: Plan | undefined): Plain {
  if (plan === undefined) return { stage: 'EOF' }
  const { index, reverse } = plan
  const direction = reverse ? 'backward' : 'forward'
  if (index === undefined) return { stage: 'COLLSCAN', direction }
  const inputStage = {
    stage: 'IXSCAN',
    indexName: index.name,
    keyPattern: new Map(index.key),
    isMultiKey: index.multikey.some(Boolean),
    direction
  }
  return { stage: 'FETCH', inputStage }
}

/** Reads a query's documents to count what that takes. */
async function execute ({ store, turn }: Context, query: Query): Promise<Plain> {
  const examined: Examined = { keys: 0, docs: 0 }
  let nReturned = 0
  await drain(run(store, query, examined), turn, () => {
    nReturned++
    return true
  })
  const { keys, docs } = examined
  return { executionSuccess: true, nReturned, totalKeysExamined: keys, totalDocsExamined: docs }
}
