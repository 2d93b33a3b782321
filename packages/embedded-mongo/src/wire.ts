// The wire protocol: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
import { type Plain, T, Val } from './bson-value.js'
import { validate } from './bson-validate.js'
import { Writer } from './bson-writer.js'
import { MongoError } from './errors.js'
import { MAX_MESSAGE } from './limits.js'

const OP_REPLY = 1
export const OP_QUERY = 2004
export const OP_MSG = 2013

/** Bytes of a message's header: its length, its number, the number of the message it answers, its opcode. */
const HEADER = 16
/** Bytes behind the header: the flags. */
const FLAGS = 4
const MIN_DOCUMENT = 5
const CHECKSUM = 4

/** Flags of OP_MSG. A server must refuse unknown flags among the low 16 bits, and ignore the others. */
const CHECKSUM_PRESENT = 1
const MORE_TO_COME = 2
const UNKNOWN_FLAGS = 0xffff & ~(CHECKSUM_PRESENT | MORE_TO_COME)

/** Kinds of the sections of OP_MSG. */
const SECTION_BODY = 0
const SECTION_SEQUENCE = 1

/** Flag of OP_REPLY that every server sets (AwaitCapable). */
const AWAIT_CAPABLE = 8

export interface Header {
  id: number
  opCode: number
}

export interface Request extends Header {
  body: Val
  /** Lists of documents that were sent beside the body, by the field that they stand for. */
  sequences: Map<string, Val[]>
  /** Whether the client wants no reply, as for an unacknowledged write. */
  silent: boolean
}

const invalid = (message: string): MongoError => new MongoError(17, message)

export function headerOf (message: Buffer): Header {
  return { id: message.readInt32LE(4), opCode: message.readInt32LE(12) }
}

/**
 * Reads the length of the message that begins here.
 *
 * @throws MongoError ProtocolError (17) for a length that is not valid
 */
export function messageLength (start: Buffer): number {
  const length = start.readInt32LE(0)
  if (length < HEADER + MIN_DOCUMENT || length > MAX_MESSAGE) throw invalid(`message of ${length} bytes`)
  return length
}

/**
 * Reads a whole message and checks every byte of its structure.
 *
 * @throws MongoError ProtocolError (17), InvalidBSON (22) or Overflow (15)
 */
export function parseMessage (message: Buffer): Request {
  const header = headerOf(message)
  switch (header.opCode) {
    case OP_QUERY: return parseQuery(message, header)
    case OP_MSG: return parseMsg(message, header)
    default: throw invalid(`opcode ${header.opCode} is not supported`)
  }
}

/**
 * Reads OP_QUERY, which drivers use for their first command only: flags, namespace, skip, limit, document.
 */
function parseQuery (message: Buffer, header: Header): Request {
  const start = HEADER + FLAGS
  const nul = message.indexOf(0, start)
  const isCommand = nul >= 0 && message.toString('latin1', start, nul).endsWith('.$cmd')
  if (!isCommand) throw invalid('OP_QUERY is only supported for the first command')
  const document = nul + 1 + 4 + 4
  const body = documentAt(message, document, message.length)
  return { ...header, body, sequences: new Map(), silent: false }
}

/** Reads OP_MSG: flags, sections, and a checksum if a flag says so. */
function parseMsg (message: Buffer, { id, opCode }: Header): Request {
  const flags = message.readUInt32LE(HEADER)
  if ((flags & UNKNOWN_FLAGS) !== 0) throw invalid(`unknown flags 0x${flags.toString(16)}`)
  const hasChecksum = (flags & CHECKSUM_PRESENT) !== 0
  const end = hasChecksum ? message.length - CHECKSUM : message.length
  const sequences = new Map<string, Val[]>()
  let body: Val | undefined
  let pos = HEADER + FLAGS
  while (pos < end) {
    const kind = message[pos]
    pos++
    if (kind === SECTION_SEQUENCE) pos = parseSequence(message, pos, end, sequences)
    else if (kind === SECTION_BODY && body === undefined) {
      body = documentAt(message, pos, end)
      pos = body.end
    } else throw invalid(`section of kind ${kind}`)
  }
  if (body === undefined) throw invalid('message without a body')
  return { id, opCode, body, sequences, silent: (flags & MORE_TO_COME) !== 0 }
}

/**
 * Reads a document sequence: length, name, documents.
 *
 * @returns its end
 */
function parseSequence (
  message: Buffer, start: number, limit: number, sequences: Map<string, Val[]>
): number {
  const length = start + 4 <= limit ? message.readInt32LE(start) : -1
  const end = start + length
  const isInside = length >= 5 && end <= limit
  const nul = isInside ? message.indexOf(0, start + 4) : -1
  if (nul < 0 || nul >= end) throw invalid('document sequence with a wrong length')
  const name = message.toString('utf8', start + 4, nul)
  if (sequences.has(name)) throw invalid(`two document sequences of the name ${name}`)
  const documents: Val[] = []
  let pos = nul + 1
  while (pos < end) {
    const document = documentAt(message, pos, end)
    documents.push(document)
    pos = document.end
  }
  sequences.set(name, documents)
  return end
}

function documentAt (message: Buffer, pos: number, limit: number): Val {
  return new Val(T.object, message, pos, validate(message, pos, limit))
}

let lastId = 0

/** Makes the bytes of a reply: OP_REPLY to OP_QUERY, else OP_MSG. */
export function reply ({ id, opCode }: Header, doc: Record<string, Plain>): Buffer {
  lastId = (lastId + 1) & 0x7fffffff
  const writer = new Writer().int32(0).int32(lastId).int32(id)
  if (opCode === OP_QUERY) writeOpReplyHead(writer)
  else writer.int32(OP_MSG).int32(0).byte(SECTION_BODY)
  writer.document(doc)
  writer.buf.writeInt32LE(writer.pos, 0)
  return writer.done()
}

/** Opcode, flags, cursor id (8 bytes), position, number of documents. */
function writeOpReplyHead (writer: Writer): void {
  writer.int32(OP_REPLY).int32(AWAIT_CAPABLE).int32(0).int32(0).int32(0).int32(1)
}
