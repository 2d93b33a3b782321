import type { Collection, Index } from './collection.js'

/** Begins the keys of all documents and index entries; the keys of the store itself begin with 0. */
const DATA = 1
/** Bytes of a document's number. */
const RECORD_BYTES = 6

export const NOTHING = Buffer.alloc(0)

/** Makes the first bytes of the key of every document of a collection, or of every entry of an index. */
export const prefixOf = (id: number): Buffer => Buffer.from([DATA, id >>> 24, id >>> 16, id >>> 8, id])

/** Concatenates bytes and a document's number. */
export function numbered (start: Buffer, key: Buffer, record?: number): Buffer {
  const length = start.length + key.length
  const out = Buffer.allocUnsafe(record === undefined ? length : length + RECORD_BYTES)
  start.copy(out)
  key.copy(out, start.length)
  if (record !== undefined) out.writeUIntBE(record, length, RECORD_BYTES)
  return out
}

/** Makes the key of a document: 1, collection, number. */
export function documentKey (collection: Collection, record: number): Buffer {
  return numbered(collection.prefix, NOTHING, record)
}

/** Makes the key of an index entry: 1, index, key, and unless the index is unique the document's number. */
export function entryKey (index: Index, key: Buffer, record: number): Buffer {
  return numbered(index.prefix, key, index.unique ? undefined : record)
}

/** Makes the value of an index entry: the document's number where its key does not have it. */
export function entryValue (index: Index, record: number): Buffer {
  return index.unique ? numbered(NOTHING, NOTHING, record) : NOTHING
}

/** Reads the number at the end of a key, or of the value of a unique index's entry. */
export function recordOf (bytes: Buffer): number {
  return bytes.readUIntBE(bytes.length - RECORD_BYTES, RECORD_BYTES)
}

/** Finds the first possible key after this one. */
export const next = (key: Buffer): Buffer => Buffer.concat([key, Buffer.alloc(1)])
