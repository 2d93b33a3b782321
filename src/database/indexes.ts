import type { mongodb } from './driver.js'

/** Plain unique and compound indexes, which every MongoDB-compatible server supports. */
const INDEXES: Record<string, mongodb.IndexDescription[]> = {
  users: [
    { key: { usernameKey: 1 }, unique: true },
    { key: { emailKey: 1 }, unique: true },
    { key: { skeleton: 1 } }
  ],
  sessions: [{ key: { user: 1, createdAt: -1 } }, { key: { expiresAt: 1 } }],
  conversations: [
    { key: { members: 1, lastAt: -1, _id: -1 } },
    { key: { members: 1, changedAt: -1 } },
    // The groups of an account that is deleted, among all its conversations.
    { key: { members: 1, kind: 1 } }
  ],
  log: [
    { key: { conversation: 1, rev: 1 }, unique: true },
    { key: { conversation: 1, seq: 1 }, unique: true },
    { key: { conversation: 1, actor: 1, clientId: 1 }, unique: true }
  ]
}

/**
 * Creates the indexes that are missing. Each has its own command, because some compatible servers fail if one
 * command names two existing indexes (seen with FerretDB 1.24).
 */
export async function createIndexes (db: mongodb.Db): Promise<void> {
  await Promise.all(Object.entries(INDEXES).map(async ([name, indexes]) => {
    for (const index of indexes) await db.collection(name).createIndexes([index])
  }))
}
