import { MongoError } from './errors.js'
import type { Plain } from './build.js'
import { type Documents, type Turn, drain } from './query.js'

/** Where a query goes on: `left` documents are allowed by its limit, `held` no longer fitted into the last batch. */
interface Cursor { ns: string, documents: Documents, transform: (doc: Buffer) => Buffer, left: number, held: Buffer | undefined, expires?: NodeJS.Timeout, busy: boolean }

/** Without a getMore for this long a cursor is closed, as MongoDB does. */
const IDLE_MS = 10 * 60 * 1000
/** Cursors that may be open at once; each holds a position only, or the record numbers of a sort. */
const MAX_CURSORS = 10_000
/** Documents of a first batch where the client names no size (MongoDB manual, find). */
export const FIRST_BATCH = 101
/** A batch ends before it grows beyond this; MongoDB's limit is 16 MiB, which takes too long to put together. */
const MAX_BATCH_BYTES = 2 * 1024 * 1024
/** The same where there is only one batch. */
const MAX_SINGLE_BYTES = 16 * 1024 * 1024

export class Cursors {
  private readonly open = new Map<bigint, Cursor>()
  private lastId = BigInt(Math.floor(Math.random() * 2 ** 32)) << 20n

  constructor (private readonly idleMs = IDLE_MS) {}

  /** Answers the first batch and keeps the rest for getMore. @param limit 0: none. @param single no cursor is wanted */
  async first (ns: string, documents: Documents, transform: (doc: Buffer) => Buffer, size: number, limit: number, single: boolean, turn: Turn): Promise<Plain> {
    const cursor: Cursor = { ns, documents, transform, left: limit === 0 ? Infinity : limit, held: undefined, busy: false }
    const { batch, done } = await read(cursor, size, turn, single ? MAX_SINGLE_BYTES : MAX_BATCH_BYTES)
    if (!done && !single && this.open.size >= MAX_CURSORS) throw new MongoError(1, `more than ${MAX_CURSORS} cursors are open`)
    const id = done || single ? 0n : ++this.lastId
    if (id !== 0n) this.keep(id, cursor)
    return { cursor: { firstBatch: batch, id, ns }, ok: 1 }
  }

  async more (ns: string, id: bigint, size: number, turn: Turn): Promise<Plain> {
    const cursor = this.open.get(id)
    if (cursor === undefined) throw new MongoError(43, `cursor id ${id} not found`)
    if (cursor.ns !== ns) throw new MongoError(13, `Requested getMore on namespace '${ns}', but cursor belongs to a different namespace ${cursor.ns}`)
    if (cursor.busy) throw new MongoError(12051, `cursor id ${id} is already in use`)
    cursor.busy = true
    clearTimeout(cursor.expires)
    let goesOn = false
    try {
      const { batch, done } = await read(cursor, size, turn, MAX_BATCH_BYTES)
      goesOn = !done && this.open.has(id)
      return { cursor: { nextBatch: batch, id: done ? 0n : id, ns }, ok: 1 }
    } finally {
      cursor.busy = false
      if (goesOn) this.keep(id, cursor)
      else this.open.delete(id)
    }
  }

  kill (ns: string, id: bigint): boolean {
    const cursor = this.open.get(id)
    if (cursor?.ns !== ns) return false
    clearTimeout(cursor.expires)
    return this.open.delete(id)
  }

  private keep (id: bigint, cursor: Cursor): void {
    this.open.set(id, cursor)
    cursor.expires = setTimeout(() => this.open.delete(id), this.idleMs).unref()
  }
}

async function read (cursor: Cursor, size: number, turn: Turn, maxBytes: number): Promise<{ batch: Buffer[], done: boolean }> {
  const wanted = Math.min(size, cursor.left)
  const batch: Buffer[] = cursor.held === undefined || wanted === 0 ? [] : [cursor.held]
  let bytes = batch[0]?.length ?? 0
  if (wanted > 0) cursor.held = undefined
  const done = batch.length < wanted && await drain(cursor.documents, turn, ({ doc }) => {
    const out = cursor.transform(doc)
    if (batch.length > 0 && bytes + out.length > maxBytes) {
      cursor.held = out
      return false
    }
    bytes += out.length
    return batch.push(out) < wanted
  })
  cursor.left -= batch.length
  return { batch, done: done || cursor.left === 0 }
}
