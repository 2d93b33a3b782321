import { MongoError } from './errors.js'
import { type Plain, T, Val, Writer, validate } from './bson.js'

// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
const [OP_REPLY, HEADER] = [1, 16]
export const [OP_QUERY, OP_MSG] = [2004, 2013]
/** MongoDB's maxMessageSizeBytes. */
export const MAX_MESSAGE = 48_000_000
/** Flags of OP_MSG; those that a server must know or refuse are the low 16 bits. */
const [CHECKSUM_PRESENT, MORE_TO_COME] = [1, 2]
const UNKNOWN_FLAGS = 0xffff & ~(CHECKSUM_PRESENT | MORE_TO_COME)
export interface Header { id: number, opCode: number }
/** `sequences`: lists of documents sent beside the body, by the field that they stand for. `silent`: an unacknowledged write, no answer is wanted. */
export interface Request extends Header { body: Val, sequences: Map<string, Val[]>, silent: boolean }
const bad = (message: string): MongoError => new MongoError(17, message)
/** Number and opcode of a message. */
export const headerOf = (message: Buffer): Header => ({ id: message.readInt32LE(4), opCode: message.readInt32LE(12) })
const documentAt = (message: Buffer, pos: number, limit: number): Val => new Val(T.object, message, pos, validate(message, pos, limit))
/** The length of the message that begins here. Throws ProtocolError (17). */
export function messageLength (start: Buffer): number {
  const length = start.readInt32LE(0)
  if (length < HEADER + 5 || length > MAX_MESSAGE) throw bad(`message of ${length} bytes`)
  return length
}

/** Reads a whole message, checking every byte of its structure. Throws ProtocolError (17), InvalidBSON (22) or Overflow (15). */
export function parseMessage (message: Buffer): Request {
  const { id, opCode } = headerOf(message)
  const sequences = new Map<string, Val[]>()
  if (opCode === OP_QUERY) {
    // Only a driver's first message comes this way: flags, "admin.$cmd", skip, limit, document.
    const nul = message.indexOf(0, HEADER + 4)
    if (nul < 0 || !message.toString('latin1', HEADER + 4, nul).endsWith('.$cmd')) throw bad('OP_QUERY is only supported for the first command')
    return { id, opCode, body: documentAt(message, nul + 9, message.length), sequences, silent: false }
  }
  if (opCode !== OP_MSG) throw bad(`opcode ${opCode} is not supported`)
  const flags = message.readUInt32LE(HEADER)
  if ((flags & UNKNOWN_FLAGS) !== 0) throw bad(`unknown flags 0x${flags.toString(16)}`)
  const end = message.length - ((flags & CHECKSUM_PRESENT) === 0 ? 0 : 4)
  let body: Val | undefined
  for (let pos = HEADER + 4; pos < end;) {
    const kind = message[pos++]
    if (kind === 1) pos = parseSequence(message, pos, end, sequences)
    else if (kind === 0 && body === undefined) pos = (body = documentAt(message, pos, end)).end
    else throw bad(`section of kind ${kind}`)
  }
  if (body === undefined) throw bad('message without a body')
  return { id, opCode, body, sequences, silent: (flags & MORE_TO_COME) !== 0 }
}

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

let lastId = 0
/** The bytes of an answer: as OP_REPLY flags (await capable), cursor id, starting from, one document; as OP_MSG no flags, a section of kind 0. */
export function reply ({ id, opCode }: Header, doc: Record<string, Plain>): Buffer {
  const writer = new Writer()
  lastId = (lastId + 1) & 0x7fffffff
  const legacy = opCode === OP_QUERY
  for (const value of [0, lastId, id, ...legacy ? [OP_REPLY, 8, 0, 0, 0, 1] : [OP_MSG, 0]]) writer.int32(value)
  if (!legacy) writer.byte(0)
  writer.document(doc)
  writer.buf.writeInt32LE(writer.pos, 0)
  return writer.done()
}
