import { MongoError } from './errors.js'
import { Val, T, validate } from './bson.js'
import { type Plain, Writer } from './build.js'

/** https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ */
export const OP_REPLY = 1
export const OP_QUERY = 2004
export const OP_MSG = 2013
const HEADER = 16

/** Limit of a message, MongoDB's maxMessageSizeBytes. */
export const MAX_MESSAGE = 48_000_000

const CHECKSUM_PRESENT = 1
const MORE_TO_COME = 2
/** Flags below this one must be understood (specification of OP_MSG). */
const OPTIONAL_FLAGS = 0x10000

export interface Request {
  id: number
  opCode: number
  body: Val
  /** Lists of documents sent beside the body, by the name of the field that they stand for. */
  sequences: Map<string, Val[]>
  /** Unacknowledged write: no answer is wanted. */
  silent: boolean
}

/** The length of the message that begins here, or undefined while too little has arrived. Throws ProtocolError (17). */
export function messageLength (buf: Buffer): number | undefined {
  if (buf.length < 4) return undefined
  const length = buf.readInt32LE(0)
  if (length < HEADER + 4 || length > MAX_MESSAGE) throw new MongoError(17, `message of ${length} bytes`)
  return length
}

/** Reads a whole message, checking every byte of its structure. Throws ProtocolError (17) and InvalidBSON (22). */
export function parseMessage (message: Buffer): Request {
  const id = message.readInt32LE(4)
  const opCode = message.readInt32LE(12)
  if (opCode === OP_MSG) return parseMsg(message, id)
  if (opCode === OP_QUERY) return parseQuery(message, id)
  throw new MongoError(17, `opcode ${opCode} is not supported`)
}

function parseMsg (message: Buffer, id: number): Request {
  const flags = message.readUInt32LE(HEADER)
  if ((flags & (OPTIONAL_FLAGS - 1) & ~(CHECKSUM_PRESENT | MORE_TO_COME)) !== 0) throw new MongoError(17, `unknown flags 0x${flags.toString(16)}`)
  const end = message.length - ((flags & CHECKSUM_PRESENT) === 0 ? 0 : 4)
  let body: Val | undefined
  const sequences = new Map<string, Val[]>()
  for (let pos = HEADER + 4; pos < end;) {
    const kind = message[pos++]
    if (kind === 0 && body === undefined) {
      const next = validate(message, pos, end)
      body = new Val(T.object, message, pos, next)
      pos = next
    } else if (kind === 1) pos = parseSequence(message, pos, end, sequences)
    else throw new MongoError(17, `section of kind ${kind}`)
  }
  if (body === undefined) throw new MongoError(17, 'message without a body')
  return { id, opCode: OP_MSG, body, sequences, silent: (flags & MORE_TO_COME) !== 0 }
}

function parseSequence (message: Buffer, start: number, limit: number, sequences: Map<string, Val[]>): number {
  const size = start + 4 <= limit ? message.readInt32LE(start) : -1
  const end = start + size
  const nul = size < 5 || end > limit ? -1 : message.indexOf(0, start + 4)
  if (nul < 0 || nul >= end) throw new MongoError(17, 'document sequence with a wrong length')
  const name = message.toString('utf8', start + 4, nul)
  if (sequences.has(name)) throw new MongoError(17, `two document sequences of the name ${name}`)
  const documents: Val[] = []
  for (let pos = nul + 1; pos < end;) {
    const next = validate(message, pos, end)
    documents.push(new Val(T.object, message, pos, next))
    pos = next
  }
  sequences.set(name, documents)
  return end
}

/** Only the first message of a driver comes this way: flags, "admin.$cmd", skip, limit, document. */
function parseQuery (message: Buffer, id: number): Request {
  const nul = message.indexOf(0, HEADER + 4)
  const start = nul + 9
  if (nul < 0 || start >= message.length) throw new MongoError(17, 'truncated query')
  const end = validate(message, start, message.length)
  if (!message.toString('latin1', HEADER + 4, nul).endsWith('.$cmd')) throw new MongoError(17, 'queries by OP_QUERY are not supported')
  return { id, opCode: OP_QUERY, body: new Val(T.object, message, start, end), sequences: new Map(), silent: false }
}

let lastId = 0

/** The bytes of an answer. */
export function reply (request: Pick<Request, 'id' | 'opCode'>, doc: Record<string, Plain>): Buffer {
  const writer = new Writer()
  lastId = (lastId + 1) & 0x7fffffff
  writer.int32(0)
  writer.int32(lastId)
  writer.int32(request.id)
  writer.int32(request.opCode === OP_QUERY ? OP_REPLY : OP_MSG)
  // OP_REPLY: flags (await capable), cursor id, starting from, one document. OP_MSG: flags, kind 0.
  if (request.opCode === OP_QUERY) for (const value of [8, 0, 0, 0, 1]) writer.int32(value)
  else {
    writer.int32(0)
    writer.byte(0)
  }
  writer.document(doc)
  writer.buf.writeInt32LE(writer.pos, 0)
  return writer.done()
}
