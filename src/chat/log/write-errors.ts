/** What an error of a write says about the outcome. */
import { mongodb } from '../../database/driver.js'

/**
 * The index of the write that the server refused; undefined where it refused none, but the outcome is open.
 * Beside a write concern error nothing is certain, not even what stands before the refused write.
 */
export function refusedAt (error: unknown): number | undefined {
  if (!(error instanceof mongodb.MongoBulkWriteError)) return undefined
  if (error.result.getWriteConcernError() !== undefined) return undefined
  return [error.writeErrors].flat()[0]?.index
}

/**
 * The server answered that it does not carry out this command: neither a failure of the way to it, nor a
 * passing one.
 */
export function commandRefused (error: unknown): boolean {
  return error instanceof mongodb.MongoServerError && typeof error.code === 'number' &&
    !(error instanceof mongodb.MongoBulkWriteError && error.result.getWriteConcernError() !== undefined) &&
    !error.hasErrorLabel('RetryableWriteError')
}
