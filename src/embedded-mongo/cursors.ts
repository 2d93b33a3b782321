import { MongoError } from './errors.js'
import type { Plain } from './build.js'
import { type Documents, type Turn, drain } from './query.js'

/** Where a query goes on. */
interface Cursor {
  ns: string
  documents: Documents
  transform: (doc: Buffer) => Buffer
  /** Documents that the query's limit still allows. */
  left: number
  /** A document that no longer fitted into the last batch. */
  held: Buffer | undefined
  expires: NodeJS.Timeout | undefined
  busy: boolean
}

/** Without a getMore for this long a cursor is closed, as MongoDB does. */
const IDLE_MS = 10 * 60 * 1000
/** Cursors that may be open at once; each holds a position only, or the record ids of a sort. */
const MAX_CURSORS = 10_000
/** Documents of a first batch where the client names no size (MongoDB manual, find). */
export const FIRST_BATCH = 101
/** A batch ends before it grows beyond this, so that the reply stays under the 48 MB of a message. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024

export class Cursors {
  private readonly open = new Map<bigint, Cursor>()
  private lastId = BigInt(Math.floor(Math.random() * 2 ** 32)) << 20n
  private readonly idleMs: number

  constructor (idleMs = IDLE_MS) { this.idleMs = idleMs }

  /** Answers the first batch and keeps the rest for getMore. @param limit 0: none. @param single no cursor is wanted */
  async first (ns: string, documents: Documents, transform: (doc: Buffer) => Buffer, size: number, limit: number, single: boolean, turn: Turn): Promise<Plain> {
    const cursor: Cursor = { ns, documents, transform, left: limit === 0 ? Infinity : limit, held: undefined, expires: undefined, busy: false }
    const { batch, done } = await read(cursor, size, turn)
    if (done || single) return { cursor: { firstBatch: batch, id: 0n, ns }, ok: 1 }
    if (this.open.size >= MAX_CURSORS) throw new MongoError(1, `more than ${MAX_CURSORS} cursors are open`)
    const id = ++this.lastId
    this.open.set(id, cursor)
    this.rest(id, cursor)
    return { cursor: { firstBatch: batch, id, ns }, ok: 1 }
  }

  async more (ns: string, id: bigint, size: number, turn: Turn): Promise<Plain> {
    const cursor = this.open.get(id)
    if (cursor === undefined) throw new MongoError(43, `cursor id ${id} not found`)
    if (cursor.ns !== ns) throw new MongoError(13, `Requested getMore on namespace '${ns}', but cursor belongs to a different namespace ${cursor.ns}`)
    if (cursor.busy) throw new MongoError(12051, `cursor id ${id} is already in use`)
    cursor.busy = true
    clearTimeout(cursor.expires)
    try {
      const { batch, done } = await read(cursor, size, turn)
      if (done || !this.open.has(id)) this.open.delete(id)
      else this.rest(id, cursor)
      return { cursor: { nextBatch: batch, id: done ? 0n : id, ns }, ok: 1 }
    } catch (error) {
      this.open.delete(id)
      throw error
    } finally {
      cursor.busy = false
    }
  }

  kill (ns: string, id: bigint): boolean {
    const cursor = this.open.get(id)
    if (cursor?.ns !== ns) return false
    clearTimeout(cursor.expires)
    return this.open.delete(id)
  }

  private rest (id: bigint, cursor: Cursor): void {
    cursor.expires = setTimeout(() => this.open.delete(id), this.idleMs).unref()
  }

  close (): void {
    for (const { expires } of this.open.values()) clearTimeout(expires)
    this.open.clear()
  }
}

async function read (cursor: Cursor, size: number, turn: Turn): Promise<{ batch: Buffer[], done: boolean }> {
  const batch: Buffer[] = []
  let bytes = 0
  const wanted = Math.min(size, cursor.left)
  if (cursor.held !== undefined && wanted > 0) {
    batch.push(cursor.held)
    bytes = cursor.held.length
    cursor.held = undefined
  }
  const done = batch.length < wanted && await drain(cursor.documents, turn, ({ doc }) => {
    const out = cursor.transform(doc)
    if (batch.length > 0 && bytes + out.length > MAX_BATCH_BYTES) {
      cursor.held = out
      return false
    }
    batch.push(out)
    bytes += out.length
    return batch.length < wanted
  })
  cursor.left -= batch.length
  return { batch, done: done || cursor.left === 0 }
}
