import { DURABLE } from './documents.js'
import { mongodb } from './driver.js'

/** How long the driver looks for a server. */
export const SERVER_SELECTION_MS = 5_000
/** The database if a URL does not name one. */
const DEFAULT_DATABASE = 'chat'
/** Connections: one for each collection that has indexes to be made. */
const POOL = 4

/** The name of the database in a URL. */
export function databaseNameOf (url: string): string {
  const named = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1]
  return named === undefined ? DEFAULT_DATABASE : decodeURIComponent(named)
}

export interface OpenDatabase {
  db: mongodb.Db
  close: () => Promise<void>
}

/**
 * Opens a database for work that may take long: no command has a time-out.
 * @throws where the server does not answer
 */
export async function openDatabase (url: string): Promise<OpenDatabase> {
  const options = { serverSelectionTimeoutMS: SERVER_SELECTION_MS, ...DURABLE, maxPoolSize: POOL }
  const client = await mongodb.MongoClient.connect(url, options)
  return { db: client.db(databaseNameOf(url)), close: async () => await client.close() }
}
