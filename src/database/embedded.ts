import { startEmbeddedMongo, type EmbeddedMongo } from 'embedded-mongo'
import type { Config } from '../config.js'

/**
 * Starts the embedded server in its own thread, unless MONGODB_URL names another server. It starts while the
 * application is loaded, and plugins/mongodb.ts waits for it: there a failure is reported.
 */
export function startEmbedded (
  { MONGODB_URL, DATA_DIR }: Pick<Config, 'MONGODB_URL' | 'DATA_DIR'>
): Promise<EmbeddedMongo> | undefined {
  if (MONGODB_URL !== '') return undefined
  const starting = startEmbeddedMongo({ dir: DATA_DIR })
  // It may fail before somebody waits for it.
  starting.catch(() => {})
  return starting
}
