import { MongoError, notImplemented } from './errors.js'
import { T, Val, docVal, fields, values } from './bson.js'
import { type Plain, build } from './build.js'

type Spec = Map<string, SpecValue>
type SpecValue = boolean | Map<string, SpecValue>

export type Projection = (doc: Buffer) => Buffer

/** Reads a projection of fields to include or to exclude. Throws NotImplemented (238) for expressions and operators. */
export function compileProjection (projection: Val): Projection {
  const spec: Spec = new Map()
  let mode: boolean | undefined
  let id: boolean | undefined
  for (const [path, value] of flatten(projection, '')) {
    if (path === '_id') {
      id = value
      continue
    }
    if (mode !== undefined && mode !== value) {
      throw new MongoError(value ? 31253 : 31254, `Cannot do ${value ? 'inclusion' : 'exclusion'} on field ${path} in ${value ? 'exclusion' : 'inclusion'} projection`)
    }
    mode = value
    add(spec, path, value)
  }
  if (mode === undefined && id === undefined) return doc => doc
  const include = mode ?? id as boolean
  if (!spec.has('_id') && (include || id === false)) spec.set('_id', id ?? true)
  return doc => build(project(docVal(doc), spec, include))
}

function flatten (projection: Val, before: string): Array<[path: string, include: boolean]> {
  return fields(projection).flatMap(([name, value]): Array<[string, boolean]> => {
    const path = before + name
    if (name.startsWith('$') || path.split('.').some(part => part.startsWith('$'))) throw notImplemented(`projection with ${path}`)
    if (path.split('.').includes('')) throw new MongoError(40353, 'FieldPath field names may not be empty strings.')
    if (value.isObject) {
      if (value.end - value.start === 5) throw new MongoError(51270, 'An empty sub-projection is not a valid value. Found empty object at path')
      return flatten(value, `${path}.`)
    }
    if (!value.isNumber && value.type !== T.bool) throw notImplemented(`projection of ${path} to a value`)
    return [[path, value.truthy]]
  })
}

function add (spec: Spec, path: string, value: boolean): void {
  const parts = path.split('.')
  let at = spec
  for (const part of parts.slice(0, -1)) {
    const next = at.get(part) ?? new Map<string, SpecValue>()
    if (typeof next === 'boolean') throw new MongoError(31249, `Path collision at ${path} remaining portion ${parts.at(-1) as string}`)
    at.set(part, next)
    at = next
  }
  const last = parts.at(-1) as string
  if (at.has(last)) throw new MongoError(31250, `Path collision at ${path}`)
  at.set(last, value)
}

function project (doc: Val, spec: Spec, include: boolean): Map<string, Plain> {
  const out = new Map<string, Plain>()
  for (const [name, value] of fields(doc)) {
    const sub = spec.get(name)
    if (sub === undefined) {
      if (!include) out.set(name, value)
    } else if (typeof sub === 'boolean') {
      if (sub) out.set(name, value)
    } else {
      const inner = projectValue(value, sub, include)
      if (inner !== undefined) out.set(name, inner)
    }
  }
  return out
}

/** Documents in arrays are projected one by one; what is no document stays out of an inclusion and in with an exclusion. */
function projectValue (value: Val, spec: Spec, include: boolean): Plain | undefined {
  if (value.isObject) return project(value, spec, include)
  if (value.type !== T.array) return include ? undefined : value
  return values(value).map(item => projectValue(item, spec, include)).filter(item => item !== undefined)
}
