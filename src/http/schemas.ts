import { Type, type Static, type TSchema } from '@sinclair/typebox'

export const ErrorReply = Type.Object({
  success: Type.Literal(false),
  message: Type.String({ description: 'begins with the kind of error' }),
  errorMessages: Type.Array(Type.Object({ path: Type.String(), message: Type.String() }), { minItems: 1 }),
  stack: Type.Optional(Type.String({ description: 'outside production only' }))
}, { $id: 'ErrorReply', title: 'ErrorReply', description: 'The one shape of every error' })
export type ErrorReply = Static<typeof ErrorReply>

const ERROR_TEXTS: Record<number, string> = {
  400: 'Validation Error or Cast Error: `errorMessages[].path` names the field',
  401: 'Unauthorized: no session, or one that has ended. `POST /api/v1/user/login` or `/user/register` opens one: send its `token` as `Authorization: Bearer …`, or keep the cookie',
  403: 'Forbidden: acting as somebody else, or a foreign origin',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'E11000 duplicate key error, or Conflict',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type: only application/json is read',
  429: 'Too Many Requests: see Retry-After',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable: overload, or the database is away; see Retry-After'
}

/** What every route can answer besides its own errors. */
const COMMON_ERRORS = [400, 408, 413, 414, 415, 429, 431, 500, 503]

/**
 * The `response` schemas of a route: its success and every error status, all in the one error shape.
 * @param own errors of this route beyond those that every route has, such as 403 and 404
 */
export function replies<S extends number, T extends TSchema> (status: S, success: T, own: number[] = []) {
  const errors = [...new Set([...own, ...COMMON_ERRORS])].sort()
  return {
    ...Object.fromEntries(errors.map(code => [code, { ...Type.Ref('ErrorReply'), description: ERROR_TEXTS[code] }])),
    [status]: success
  } as Record<S, T>
}

/** How many items a page may have at most when the caller asks for a number. */
export const PAGE_LIMIT = 1000
/** Bytes of the items of a list in JSON at most: 1,000 messages of 950 characters of any script; of the longest ones 103. */
export const LIST_BYTES = 4 * 1024 * 1024
export const PageLimit = Type.Integer({ minimum: 1, maximum: PAGE_LIMIT, description: 'items of a page' })
