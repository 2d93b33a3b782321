import type { mongodb } from './driver.js'

/**
 * What a migration does. It is called again after it was killed.
 * @param progress says how far it is, and keeps the lock; to be called after each batch
 */
export type Migration = (db: mongodb.Db, progress: (text: string) => Promise<void>) => Promise<void>
