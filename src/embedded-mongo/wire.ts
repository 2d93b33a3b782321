import { MongoError } from './errors.js'
import { T, Val, validate } from './bson.js'
import { type Plain, Writer } from './build.js'

/** https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ */
const OP_REPLY = 1
export const OP_QUERY = 2004
const OP_MSG = 2013
const HEADER = 16
/** MongoDB's maxMessageSizeBytes. */
export const MAX_MESSAGE = 48_000_000
const CHECKSUM_PRESENT = 1
const MORE_TO_COME = 2
/** Flags that a server must know or refuse (specification of OP_MSG). */
const REQUIRED_FLAGS = 0xffff

/** `sequences`: lists of documents sent beside the body, by the name of the field that they stand for. `silent`: an unacknowledged write, no answer is wanted. */
export interface Request { id: number, opCode: number, body: Val, sequences: Map<string, Val[]>, silent: boolean }

const bad = (message: string): MongoError => new MongoError(17, message)

/** The length of the message that begins here. Throws ProtocolError (17). */
export function messageLength (start: Buffer): number {
  const length = start.readInt32LE(0)
  if (length < HEADER + 5 || length > MAX_MESSAGE) throw bad(`message of ${length} bytes`)
  return length
}

/** Number and opcode of a message. */
export function headerOf (message: Buffer): Pick<Request, 'id' | 'opCode'> { return { id: message.readInt32LE(4), opCode: message.readInt32LE(12) } }

/** Reads a whole message, checking every byte of its structure. Throws ProtocolError (17), InvalidBSON (22) or Overflow (15). */
export function parseMessage (message: Buffer): Request {
  const { id, opCode } = headerOf(message)
  const sequences = new Map<string, Val[]>()
  if (opCode === OP_QUERY) return { id, opCode, body: queryBody(message), sequences, silent: false }
  if (opCode !== OP_MSG) throw bad(`opcode ${opCode} is not supported`)
  const flags = message.readUInt32LE(HEADER)
  if ((flags & REQUIRED_FLAGS & ~(CHECKSUM_PRESENT | MORE_TO_COME)) !== 0) throw bad(`unknown flags 0x${flags.toString(16)}`)
  const end = message.length - ((flags & CHECKSUM_PRESENT) === 0 ? 0 : 4)
  let body: Val | undefined
  for (let pos = HEADER + 4; pos < end;) {
    const kind = message[pos++]
    if (kind === 1) pos = parseSequence(message, pos, end, sequences)
    else if (kind === 0 && body === undefined) {
      body = documentAt(message, pos, end)
      pos = body.end
    } else throw bad(`section of kind ${kind}`)
  }
  if (body === undefined) throw bad('message without a body')
  return { id, opCode, body, sequences, silent: (flags & MORE_TO_COME) !== 0 }
}

function documentAt (message: Buffer, pos: number, limit: number): Val { return new Val(T.object, message, pos, validate(message, pos, limit)) }

function parseSequence (message: Buffer, start: number, limit: number, sequences: Map<string, Val[]>): number {
  const end = start + (start + 4 <= limit ? message.readInt32LE(start) : -1)
  const nul = end < start + 5 || end > limit ? -1 : message.indexOf(0, start + 4)
  if (nul < 0 || nul >= end) throw bad('document sequence with a wrong length')
  const name = message.toString('utf8', start + 4, nul)
  if (sequences.has(name)) throw bad(`two document sequences of the name ${name}`)
  const documents: Val[] = []
  for (let pos = nul + 1; pos < end; pos = documents.at(-1)?.end as number) documents.push(documentAt(message, pos, end))
  sequences.set(name, documents)
  return end
}

/** Only a driver's first message comes this way: flags, "admin.$cmd", skip, limit, document. */
function queryBody (message: Buffer): Val {
  const nul = message.indexOf(0, HEADER + 4)
  if (nul < 0 || !message.toString('latin1', HEADER + 4, nul).endsWith('.$cmd')) throw bad('OP_QUERY is only supported for the first command')
  return documentAt(message, nul + 9, message.length)
}

let lastId = 0

/** The bytes of an answer. */
export function reply ({ id, opCode }: Pick<Request, 'id' | 'opCode'>, doc: Record<string, Plain>): Buffer {
  const writer = new Writer()
  lastId = (lastId + 1) & 0x7fffffff
  for (const value of [0, lastId, id, opCode === OP_QUERY ? OP_REPLY : OP_MSG]) writer.int32(value)
  // OP_REPLY: flags (await capable), cursor id, starting from, one document. OP_MSG: no flags, a section of kind 0.
  if (opCode === OP_QUERY) for (const value of [8, 0, 0, 0, 1]) writer.int32(value)
  else writer.int32(0).byte(0)
  writer.document(doc)
  writer.buf.writeInt32LE(writer.pos, 0)
  return writer.done()
}
