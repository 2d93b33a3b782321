import type { Doc } from './bson-value.js'
import { MAX_BATCH, MAX_DOCUMENT, MAX_MESSAGE } from './limits.js'

/** The wire version of MongoDB 7.0. */
const WIRE_VERSION = 21

/**
 * Answers as a standalone server, so that drivers send neither transactions nor retryable writes. The session
 * timeout lets them send their implicit sessions.
 *
 * @param command the reply to the old names, isMaster and ismaster, differs in one field
 */
export function hello (command: string, connectionId: number): Doc {
  const isPrimary = command === 'hello' ? { isWritablePrimary: true } : { ismaster: true }
  return {
    helloOk: true,
    ...isPrimary,
    readOnly: false,
    maxBsonObjectSize: MAX_DOCUMENT,
    maxMessageSizeBytes: MAX_MESSAGE,
    maxWriteBatchSize: MAX_BATCH,
    localTime: new Date(),
    logicalSessionTimeoutMinutes: 30,
    connectionId,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    ok: 1
  }
}
