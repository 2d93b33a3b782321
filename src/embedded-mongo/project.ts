import { MongoError, notImplemented } from './errors.js'
import { T, Val, docVal, fields, values } from './bson.js'
import { type Plain, build } from './build.js'

interface Spec extends Map<string, boolean | Spec> {}
type Projection = (doc: Buffer) => Buffer

/** Reads a projection: fields to include, or fields to exclude. Throws NotImplemented (238) for expressions and operators, and MongoDB's parse errors. */
export function compileProjection (projection: Val): Projection {
  const spec: Spec = new Map()
  const paths = flatten(projection, '')
  const id = paths.find(([path]) => path === '_id')?.[1]
  const others = paths.filter(([path]) => path !== '_id')
  const include = others[0]?.[1] ?? id
  if (include === undefined) return doc => doc
  for (const [path, value] of others) {
    if (include !== value) throw new MongoError(value ? 31253 : 31254, `Cannot do ${value ? 'inclusion' : 'exclusion'} on field ${path} in ${value ? 'exclusion' : 'inclusion'} projection`)
    add(spec, path.split('.'), value)
  }
  if (!spec.has('_id') && (include || id === false)) spec.set('_id', id ?? true)
  return doc => build(project(docVal(doc), spec, include))
}

function flatten (projection: Val, before: string): Array<[path: string, include: boolean]> {
  return fields(projection).flatMap(([name, value]): Array<[string, boolean]> => {
    const parts = (before + name).split('.')
    if (parts.some(part => part.startsWith('$'))) throw notImplemented(`projection with ${before}${name}`)
    if (parts.includes('')) throw new MongoError(40353, 'FieldPath field names may not be empty strings.')
    if (value.isObject && value.end - value.start > 5) return flatten(value, `${before}${name}.`)
    if (!value.isNumber && value.type !== T.bool) throw notImplemented(`projection of ${before}${name} to a value`)
    return [[before + name, value.truthy]]
  })
}

function add (spec: Spec, parts: string[], value: boolean): void {
  const [first, ...rest] = parts as [string, ...string[]]
  const known = spec.get(first)
  if (known !== undefined && (rest.length === 0 || typeof known === 'boolean')) throw new MongoError(rest.length === 0 ? 31250 : 31249, `Path collision at ${parts.join('.')}`)
  if (rest.length === 0) spec.set(first, value)
  else {
    const inner = known instanceof Map ? known : new Map()
    spec.set(first, inner)
    add(inner, rest, value)
  }
}

function project (doc: Val, spec: Spec, include: boolean): Map<string, Plain> {
  const out = new Map<string, Plain>()
  for (const [name, value] of fields(doc)) {
    const wanted = spec.get(name) ?? !include
    if (wanted !== false) out.set(name, wanted === true ? value : projectValue(value, wanted, include))
  }
  return out
}

/** Documents in arrays are projected one by one; what is no document stays out of an inclusion and in with an exclusion. */
function projectValue (value: Val, spec: Spec, include: boolean): Plain {
  if (value.isObject) return project(value, spec, include)
  if (value.type !== T.array) return include ? undefined : value
  return values(value).map(item => projectValue(item, spec, include)).filter(item => item !== undefined)
}
