import type { KeyPart } from './path.js'

export interface IndexSpec {
  name: string
  key: Array<[path: string, direction: number]>
  unique: boolean
}

export interface Index extends IndexSpec {
  id: number
  /** For each part of the key, whether any document ever had an array there. */
  multikey: boolean[]
  parts: KeyPart[]
  /** The first bytes of all entries. */
  prefix: Buffer
}

export interface Collection {
  ns: string
  id: number
  indexes: Index[]
  /** The number of the next document. */
  nextRecord: number
  /** Documents. */
  count: number
  /** Bytes of all documents. */
  size: number
  /** The first bytes of the keys of all documents. */
  prefix: Buffer
}
