/**
 * Messages of MongoDB's wire protocol in a stream (MongoDB manual, "MongoDB Wire Protocol"), for
 * the proxies of the tests.
 */

export const OP_MSG = 2013
/** Sections of an OP_MSG follow a header of 16 bytes and flags of 4. */
export const SECTIONS_AT = 20

/** Cuts a stream into whole messages; gives what takes its chunks. */
export function splitMessages (each: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  return chunk => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const message = rest.subarray(0, rest.readInt32LE(0))
      rest = rest.subarray(message.length)
      each(message)
    }
  }
}
