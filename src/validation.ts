/**
 * The compilers behind every schema: JSON Schema by Ajv, where `maxLength` counts code points (RFC 8259
 * strings are Unicode text). Only query strings are coerced, to integers, because a query has no other type
 * than text.
 */
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import ajvFormats from 'ajv-formats'
import type { Static, TSchema } from '@sinclair/typebox'
import { OBJECT_ID_PATTERN } from 'chat-protocol'
import { fieldsError, type ApiError, type FieldMessage } from './errors.js'

const addFormats = ajvFormats.default

/** What is read of an error that Ajv reports. */
export type SchemaError = Pick<ErrorObject, 'instancePath' | 'keyword' | 'message' | 'params'>

/** RFC 3339, 5.6, with an ISO 8601 time zone. A second 60 is refused: JavaScript's Date cannot express it. */
const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)$/

/**
 * Whether a text names a moment. Date.parse accepts days that their month lacks, such as February 30; this
 * does not.
 */
function isMoment (value: string): boolean {
  if (!DATE_TIME.test(value) || Number.isNaN(Date.parse(value))) return false
  const day = value.slice(0, 10)
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}

/**
 * One emoji of the set that is recommended for general interchange, fully qualified (UTS 51, ED-27). The
 * engine brings the list (ECMAScript 2024, 22.2.2.9), so newer versions of Node know newer emoji.
 */
// eslint-disable-next-line prefer-regex-literals -- the flag needs a newer target than Node 20 has
const EMOJI = new RegExp('^\\p{RGI_Emoji}$', 'v')

function newAjv (options: Options): Ajv {
  const ajv = new Ajv({
    // TypeBox makes valid schemas, and `strict` refuses unknown keywords. Checking them against the
    // meta-schema would compile that schema three times.
    meta: false,
    validateSchema: false,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    validateFormats: true,
    // To optimise the code would take a quarter of the time of compiling it; V8 does that where it pays.
    code: { optimize: false },
    ...options
  })
  addFormats(ajv, ['uuid', 'date-time'])
  ajv.addFormat('text', (value: string) => value.isWellFormed())
  ajv.addFormat('emoji', (value: string) => EMOJI.test(value))
  ajv.addFormat('client-time', (value: string) => value === '' || isMoment(value))
  ajv.addVocabulary(['example', 'style', 'explode'])
  return ajv
}

// allErrors: a form shows all problems at once. Bodies are bounded, and so is the list (MAX_FIELD_MESSAGES).
const strictAjv = newAjv({ allErrors: true })
const queryAjv = newAjv({ allErrors: true, coerceTypes: true })
const frameAjv = newAjv({ allErrors: false })
const settingsAjv = newAjv({ allErrors: true, coerceTypes: true, useDefaults: true })

/** Compiles equal schemas once in a process: routes share them, and so do the applications of tests. */
function compiler (ajv: Ajv): (schema: TSchema) => ValidateFunction {
  const known = new Map<string, ValidateFunction>()
  return schema => {
    const key = JSON.stringify(schema)
    const validate = known.get(key) ?? ajv.compile(schema)
    known.set(key, validate)
    return validate
  }
}

/** Compiles the schema of a body, of parameters or of headers. Nothing is coerced. */
export const compileStrict = compiler(strictAjv)

/** Compiles the schema of a query string, whose texts are coerced to integers. */
export const compileQuery = compiler(queryAjv)

/**
 * Reads settings from texts, such as environment variables, and fills in the defaults of the schema.
 * @throws Error that lists every problem
 */
export function readSettings<T extends TSchema> (schema: T, texts: Record<string, string>): Static<T> {
  const settings = { ...texts }
  if (settingsAjv.validate<Static<T>>(schema, settings)) return settings
  throw new Error(settingsAjv.errorsText(settingsAjv.errors, { dataVar: '' }))
}

/** Compiles the schema of a WebSocket frame into a type guard that leaves its `errors` behind. */
export function compileFrame<T extends TSchema> (schema: T): ValidateFunction<Static<T>> {
  return frameAjv.compile<Static<T>>(schema)
}

/**
 * Problems that one error names at most: more help nobody, and would let a hostile body enlarge its answer.
 */
const MAX_FIELD_MESSAGES = 20

function fieldPath ({ instancePath, params }: SchemaError): string {
  const steps = instancePath.split('/').slice(1)
  const last = params.missingProperty ?? params.additionalProperty
  if (typeof last === 'string') steps.push(last)
  return steps.join('.')
}

function problemOf ({ params, message }: SchemaError): string {
  if (typeof params.missingProperty === 'string') return 'is required'
  if (typeof params.additionalProperty === 'string') return 'is not known'
  return message ?? 'is not valid'
}

function fieldMessage (error: SchemaError): FieldMessage {
  const path = fieldPath(error)
  const problem = problemOf(error)
  return { path, message: path === '' ? problem : `${path} ${problem}` }
}

function castMessage (error: SchemaError): FieldMessage {
  const name = error.instancePath.slice(1)
  return { path: fieldPath(error), message: `${name} is not an ObjectId (24 lower-case hex digits)` }
}

/**
 * Makes the error of a value that a schema refused; `path` of each entry names the field. If the only problem
 * is a string that is not an ObjectId, it is a `Cast Error`, as the original server's Mongoose had it.
 * Otherwise it is a `Validation Error`.
 */
export function validationError (errors: SchemaError[]): ApiError {
  const isCast = errors.every(({ keyword, params }) =>
    keyword === 'pattern' && params.pattern === OBJECT_ID_PATTERN)
  const fields = errors.slice(0, MAX_FIELD_MESSAGES).map(isCast ? castMessage : fieldMessage)
  return fieldsError(isCast ? 'cast' : 'validation', fields)
}
