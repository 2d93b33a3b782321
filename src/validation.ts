/**
 * The compilers behind every schema: JSON Schema by Ajv, in which `maxLength` counts code points (RFC 8259 strings
 * are Unicode text) and nothing is coerced, except query strings to integers, for they have no other type.
 */
import { Ajv, type Options } from 'ajv'
import ajvFormats from 'ajv-formats'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'
import type { Static, TSchema } from '@sinclair/typebox'
import { validationError, type ApiError } from './errors.js'

const addFormats = ajvFormats.default

/** RFC 3339, 5.6, with an ISO 8601 time zone; a second 60 is refused, for JavaScript's Date cannot say it. */
const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)$/

/** Whether the text names a moment; a day that its month lacks is none, although Date.parse takes it. */
function isMoment (value: string): boolean {
  if (!DATE_TIME.test(value) || Number.isNaN(Date.parse(value))) return false
  const day = value.slice(0, 10)
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}

function newAjv (options: Options): Ajv {
  // TypeBox makes valid schemas, and `strict` refuses unknown keywords: the meta-schema would only be compiled, three times.
  const ajv = new Ajv({ meta: false, validateSchema: false, strict: true, strictTypes: false, strictRequired: false, validateFormats: true, ...options })
  addFormats(ajv, ['uuid', 'date-time'])
  ajv.addFormat('text', (value: string) => value.isWellFormed())
  ajv.addFormat('client-time', (value: string) => value === '' || isMoment(value))
  ajv.addVocabulary(['example', 'style', 'explode'])
  return ajv
}

// allErrors: a form shows all that is wrong at once. Bodies are bounded, and so is the list (src/http/errors.ts).
const strictAjv = newAjv({ allErrors: true })
const queryAjv = newAjv({ allErrors: true, coerceTypes: true })
const frameAjv = newAjv({ allErrors: false })

/** Fastify's validator compiler for bodies, parameters and headers (never coerced) and query strings (integers only). */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  (httpPart === 'querystring' ? queryAjv : strictAjv).compile(schema)

/** Compiles the schema of a WebSocket frame: a type guard that leaves its `errors` behind. */
export function compileFrame<T extends TSchema> (schema: T) {
  return frameAjv.compile<Static<T>>(schema)
}

/** The error for what the schema of a frame refused. */
export function frameError (errors: NonNullable<ReturnType<Ajv['compile']>['errors']>): ApiError {
  return validationError(errors as FastifySchemaValidationError[])
}
