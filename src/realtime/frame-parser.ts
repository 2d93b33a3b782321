/** From the bytes of a frame to one of the frames that clients may send. */
import { apiError } from '../errors.js'
import { CLIENT_FRAMES, type ClientFrame } from 'chat-protocol/schemas'
import { compileFrame, validationError } from '../validation.js'

/** The characters of a UUID. */
const CLIENT_ID_CHARS = 36

const TYPES = Object.keys(CLIENT_FRAMES).join(', ')
const validators = Object.fromEntries(
  Object.entries(CLIENT_FRAMES).map(([type, schema]) => [type, compileFrame(schema)]))

/** @throws ApiError `validation` where the frame is not JSON */
export function parseFrame (data: Buffer): unknown {
  try {
    return JSON.parse(data.toString())
  } catch {
    throw apiError('validation', 'the frame is no JSON')
  }
}

/** @throws ApiError `validation` naming the field that the schema of its type refuses */
export function checkFrame (parsed: unknown): ClientFrame {
  const type = typeof parsed === 'object' && parsed !== null && 'type' in parsed ? parsed.type : undefined
  if (typeof type !== 'string' || !Object.hasOwn(CLIENT_FRAMES, type)) {
    throw apiError('validation', `type must be one of ${TYPES}`, 'type')
  }
  const validate = validators[type]!
  if (!validate(parsed)) throw validationError(validate.errors ?? [])
  const frame = parsed as ClientFrame
  if (frame.type === 'send' || frame.type === 'typing') requireOneTarget(frame)
  return frame
}

/** A schema that says so has errors that name no field (JSON Schema, `oneOf`). */
function requireOneTarget ({ reciver, conversation }: { reciver?: string, conversation?: string }): void {
  if (reciver === undefined && conversation === undefined) {
    throw apiError('validation', 'reciver is required, or conversation', 'reciver')
  }
  if (reciver !== undefined && conversation !== undefined) {
    throw apiError('validation', 'reciver and conversation exclude each other', 'conversation')
  }
}

/** The clientId of whatever was parsed, so that the client knows which frame an error is about. */
export function clientIdOf (parsed: unknown): string | undefined {
  if (typeof parsed !== 'object' || parsed === null || !('clientId' in parsed)) return undefined
  const { clientId } = parsed
  return typeof clientId === 'string' && clientId.length <= CLIENT_ID_CHARS ? clientId : undefined
}
