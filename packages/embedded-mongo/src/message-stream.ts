import { messageLength } from './wire.js'

const LENGTH_BYTES = 4

/**
 * Cuts a stream into messages.
 *
 * @throws MongoError ProtocolError (17) for a length that is not valid
 */
export async function * messagesOf (stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let chunks: Buffer[] = []
  let size = 0
  let wanted = LENGTH_BYTES
  for await (const chunk of stream) {
    chunks.push(chunk)
    size += chunk.length
    if (size < wanted) continue
    let rest = chunks.length === 1 ? chunk : Buffer.concat(chunks)
    wanted = bytesOfNext(rest)
    while (rest.length >= wanted) {
      yield rest.subarray(0, wanted)
      rest = rest.subarray(wanted)
      wanted = bytesOfNext(rest)
    }
    chunks = [rest]
    size = rest.length
  }
}

/** Bytes of the message that begins here, or of its length as long as that is not there. */
function bytesOfNext (start: Buffer): number {
  return start.length < LENGTH_BYTES ? LENGTH_BYTES : messageLength(start)
}
