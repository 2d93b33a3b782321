/**
 * Schemas as the generated documents (OpenAPI and AsyncAPI) show them: in standard keywords, with an example.
 */
import type { TSchema } from '@sinclair/typebox'

/** Keywords whose values contain no keywords. */
const EXAMPLES = new Set(['example', 'examples'])

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/**
 * Translates a schema, or a document that contains schemas, into standard keywords. Our own formats are
 * replaced: `text` adds nothing to what JSON says (RFC 8259, 8.2 calls lone surrogates unpredictable), the
 * description says what an `emoji` is, and `client-time` is a date-time or ''.
 * @param ref makes the reference that replaces an inner schema with an `$id`
 */
export function published<T> (value: T, ref: (id: string) => string): T {
  const { $id, ...schema } = JSON.parse(JSON.stringify(value))
  return walk(schema, ref) as T
}

function walk (value: Json, ref: (id: string) => string): Json {
  if (Array.isArray(value)) return value.map(entry => walk(entry, ref))
  if (typeof value !== 'object' || value === null) return value
  if (typeof value.$id === 'string') return { $ref: ref(value.$id) }
  const schema = { ...value }
  if (schema.format === 'text' || schema.format === 'emoji') delete schema.format
  if (schema.format === 'client-time') {
    delete schema.format
    schema.anyOf = [{ format: 'date-time' }, { const: '' }]
  }
  const entries = Object.entries(schema)
    .map(([key, entry]) => [key, EXAMPLES.has(key) ? entry : walk(entry, ref)])
  return Object.fromEntries(entries)
}

/**
 * Makes an example of a schema from the examples of its fields, so that it cannot contradict them. It omits
 * optional fields without an example.
 * @throws if a required field has no example
 */
export function exampleOf (schema: TSchema, path = ''): unknown {
  if (Array.isArray(schema.examples)) return schema.examples[0]
  if ('const' in schema) return schema.const
  if (schema.type === 'boolean') return true
  if (schema.type === 'array') return [exampleOf(schema.items, `${path}[]`)]
  const type: unknown[] = [schema.type].flat()
  if (!type.includes('object')) throw new Error(`${path} has no example`)
  const required = new Set<string>(schema.required)
  return Object.fromEntries(Object.entries(schema.properties as Record<string, TSchema>)
    .filter(([name, field]) => required.has(name) || field.examples !== undefined)
    .map(([name, field]) => [name, exampleOf(field, `${path}.${name}`)]))
}
