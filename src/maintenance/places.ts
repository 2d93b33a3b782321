import { startEmbeddedMongo } from 'embedded-mongo'
import { openDatabase, type OpenDatabase } from '../database/open.js'

/**
 * Opens the database at a place: the URL of a MongoDB server, or the directory of an embedded one.
 * @throws where the directory belongs to a running server, or the server does not answer
 */
export async function openPlace (place: string): Promise<OpenDatabase> {
  if (/^mongodb(\+srv)?:\/\//.test(place)) return await openDatabase(place)
  const embedded = await startEmbeddedMongo({ dir: place })
  const { db, close } = await openDatabase(embedded.url)
  return {
    db,
    close: async () => {
      await close()
      await embedded.stop()
    }
  }
}
