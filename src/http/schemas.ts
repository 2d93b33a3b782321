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
  401: 'Unauthorized: the session is missing or has ended. Open one with `POST /api/v1/user/login` or ' +
    '`/user/register`, then send its `token` as `Authorization: Bearer …` or keep the cookie',
  403: 'Forbidden: acting for another user, or a foreign origin',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'E11000 duplicate key error, or Conflict',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type: only application/json is read',
  429: 'Too Many Requests: see Retry-After',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable: overload, or the database does not answer; see Retry-After'
}

/** What every route can answer besides its own errors. */
const COMMON_ERRORS = [400, 408, 413, 414, 415, 429, 431, 500, 503]

const errorSchema = (status: number) => ({ ...Type.Ref('ErrorReply'), description: ERROR_TEXTS[status] })

/**
 * Makes the `response` schemas of a route: its success and every error status, all errors in one shape.
 * @param own errors of this route beyond those that every route has, such as 403 and 404
 */
export function replies<S extends number, T extends TSchema> (status: S, success: T, own: number[] = []) {
  const errors = [...new Set([...own, ...COMMON_ERRORS])].sort()
  return {
    ...Object.fromEntries(errors.map(code => [code, errorSchema(code)])),
    [status]: success
  } as Record<S, T>
}
