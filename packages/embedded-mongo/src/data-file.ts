import { closeSync, openSync, readSync } from 'node:fs'
import { type RootDatabase, type RootDatabaseOptionsWithPath, open } from 'lmdb'

export type DataFile = RootDatabase<Buffer, Buffer>

/** Version of the data file's layout. A file of another version is refused. */
const FORMAT = '2'
const FORMAT_KEY = Buffer.from('\0format')

/** LMDB's magic number, 0xBEEFC0DE in little-endian order. It follows the header of the first page. */
const LMDB_MAGIC = Buffer.from('dec0efbe', 'hex')
/** Bytes of the file's head in which the magic number must be. */
const HEAD_BYTES = 32

/**
 * Opens the data file, or makes it.
 *
 * @param noSync writes without flushes
 * @throws Error with a message of one line if the file belongs to another program or has another format
 */
export async function openDataFile (path: string, noSync: boolean): Promise<DataFile> {
  const length = checkFile(path)
  // Earlier versions wrote with overlapping sync; only that mode drops what a power cut left unfinished.
  if (length > 0) await open(options(path)).close()
  // The default of lmdb, overlapping sync, shows readers a commit before its flush. A power cut undoes it.
  const root = open<Buffer, Buffer>({
    ...options(path), noSync, overlappingSync: false, eventTurnBatching: false
  })
  const format = root.get(FORMAT_KEY)?.toString()
  if (format === undefined) root.putSync(FORMAT_KEY, Buffer.from(FORMAT))
  else if (format !== FORMAT) {
    throw new Error(`${path} has format version ${format}, this program reads version ${FORMAT}`)
  }
  return root
}

function options (path: string): RootDatabaseOptionsWithPath {
  return { path, keyEncoding: 'binary', encoding: 'binary', noSubdir: true }
}

/**
 * Refuses a file of another program, on which lmdb would end the process.
 *
 * @returns bytes of its head that were read, 0 for a new file
 */
function checkFile (path: string): number {
  const head = Buffer.alloc(HEAD_BYTES)
  const file = openSync(path, 'a+', 0o600)
  const length = readSync(file, head, 0, HEAD_BYTES, 0)
  closeSync(file)
  if (length > 0 && !head.includes(LMDB_MAGIC)) {
    throw new Error(`${path} is not a data file of the embedded server`)
  }
  return length
}
