import type { Plain } from './bson-value.js'
import { type Documents, drain } from './documents.js'
import { MongoError } from './errors.js'
import type { Turn } from './turn.js'

/** A cursor is closed after this time without a getMore, as on MongoDB. */
const IDLE_MS = 10 * 60 * 1000
/** Bounds the memory that clients can take by leaving cursors open. */
const MAX_CURSORS = 10_000
/** Ends a batch. MongoDB allows 16 MiB, which would hold the thread too long. */
const MAX_BATCH_BYTES = 2 * 1024 * 1024
/** Ends an only batch, and bounds the values of a distinct, as on MongoDB. */
export const MAX_SINGLE_BYTES = 16 * 1024 * 1024

/** What the first batch of a cursor is made of. */
export interface Source {
  ns: string
  documents: Documents
  /** Makes what the client gets of a document. */
  transform: (doc: Buffer) => Buffer
  /** Documents that the query's limit allows. */
  limit: number
}

/** The documents of one batch, and how long it may take. */
export interface BatchOptions {
  /** Documents; fewer if they have many bytes. */
  size: number
  turn: Turn
  /** Whether the client wants one batch and no cursor. */
  single?: boolean
}

/** A query that getMore continues. */
interface Cursor {
  /** 0 until the cursor is kept for a getMore. */
  id: bigint
  ns: string
  documents: Documents
  transform: Source['transform']
  /** Documents that the query's limit still allows. */
  left: number
  /** Whether a batch is in progress. */
  busy: boolean
  expires?: NodeJS.Timeout
}

/** The open cursors. Each holds a position, or the record numbers of a sort, but no documents. */
export class Cursors {
  readonly #open = new Map<bigint, Cursor>()
  /** Begins at random, so that the cursors of an earlier server are not taken for new ones. */
  #lastId = BigInt(Math.floor(Math.random() * 2 ** 32)) << 20n

  /** Answers the first batch and keeps the rest for getMore. */
  async first ({ ns, documents, transform, limit }: Source, batch: BatchOptions): Promise<Plain> {
    // Faster than a spread.
    const cursor: Cursor = { id: 0n, ns, documents, transform, left: limit, busy: true }
    return await this.#batch(cursor, 'firstBatch', batch)
  }

  /**
   * Answers the next batch. The cursor is closed if this fails.
   *
   * @throws MongoError CursorNotFound (43), Unauthorized (13) for another namespace, CursorInUse (12051)
   */
  async more (ns: string, id: bigint, batch: BatchOptions): Promise<Plain> {
    const cursor = this.#open.get(id)
    if (cursor === undefined) throw new MongoError(43, `cursor id ${id} not found`)
    if (cursor.ns !== ns) {
      const owner = `cursor belongs to a different namespace ${cursor.ns}`
      throw new MongoError(13, `Requested getMore on namespace '${ns}', but ${owner}`)
    }
    if (cursor.busy) throw new MongoError(12051, `cursor id ${id} is already in use`)
    clearTimeout(cursor.expires)
    cursor.busy = true
    try {
      return await this.#batch(cursor, 'nextBatch', batch)
    } finally {
      // It failed, or this was the last batch.
      if (cursor.busy) this.#open.delete(id)
    }
  }

  /** @returns whether there was such a cursor */
  kill (ns: string, id: bigint): boolean {
    const cursor = this.#open.get(id)
    if (cursor?.ns !== ns) return false
    clearTimeout(cursor.expires)
    return this.#open.delete(id)
  }

  /** The cursor stays `busy` if this throws, or was its last batch. */
  async #batch (cursor: Cursor, name: string, { size, turn, single = false }: BatchOptions): Promise<Plain> {
    const batch: Buffer[] = []
    const wanted = Math.min(size, cursor.left)
    const maxBytes = single ? MAX_SINGLE_BYTES : MAX_BATCH_BYTES
    let bytes = 0
    const all = wanted > 0 && await drain(cursor.documents, turn, ({ doc }) => {
      const out = cursor.transform(doc)
      bytes += out.length
      batch.push(out)
      return batch.length < wanted && bytes < maxBytes
    })
    cursor.left -= batch.length
    const isNew = cursor.id === 0n
    const isWanted = isNew || this.#open.has(cursor.id) // killCursors may have come meanwhile
    const goesOn = !all && !single && cursor.left > 0 && isWanted
    if (goesOn) this.#keep(cursor)
    return { cursor: { [name]: batch, id: goesOn ? cursor.id : 0n, ns: cursor.ns }, ok: 1 }
  }

  #keep (cursor: Cursor): void {
    if (cursor.id === 0n) {
      if (this.#open.size >= MAX_CURSORS) throw new MongoError(1, `more than ${MAX_CURSORS} cursors are open`)
      this.#lastId++
      cursor.id = this.#lastId
      this.#open.set(cursor.id, cursor)
    }
    cursor.busy = false
    cursor.expires = setTimeout(() => this.#open.delete(cursor.id), IDLE_MS).unref()
  }
}
