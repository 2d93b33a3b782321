import { type Plain, docVal } from './bson-value.js'
import type { Collection, Index } from './collection.js'
import { type Context, type Handler, existing } from './context.js'
import { CHUNK_BYTES, drain } from './documents.js'
import { keysOf } from './index-keys.js'
import { compileFilter } from './match.js'
import { EMPTY } from './options.js'
import { run } from './query.js'
import { entryKey, recordOf } from './record-keys.js'

/** Bounds the reply. */
const MAX_ERRORS = 100
/** Index entries that are counted at once. */
const CHUNK = 500

/**
 * The command `validate`: compares documents and indexes. Every document must have its entries, and there
 * must be no others. Writes wait meanwhile.
 */
export const validateCollection: Handler = async context => await context.store.hold(async () => {
  const collection = existing(context)
  const validation = new Validation(context, collection)
  await validation.readDocuments()
  await validation.countEntries()
  return validation.reply()
})

class Validation {
  readonly #context: Context
  readonly #collection: Collection
  readonly #errors: string[] = []
  /** How many entries the documents need in each index. */
  readonly #expected: Map<Index, number>
  #documents = 0

  constructor (context: Context, collection: Collection) {
    this.#context = context
    this.#collection = collection
    this.#expected = new Map(collection.indexes.map(index => [index, 0]))
  }

  async readDocuments (): Promise<void> {
    const { store, turn } = this.#context
    const query = { collection: this.#collection, filter: compileFilter(EMPTY), sort: [] }
    await drain(run(store, query), turn, ({ record, doc }) => {
      this.#documents++
      for (const index of this.#collection.indexes) this.#checkDocument(index, record, doc)
      return true
    })
  }

  async countEntries (): Promise<void> {
    const { store, turn } = this.#context
    for (const [index, expected] of this.#expected) {
      let found = 0
      for (const entries of store.chunks(index.prefix, CHUNK, CHUNK_BYTES)) {
        found += entries.length
        if (turn.isDue) await turn.pause()
      }
      if (found !== expected) {
        this.#report(`index ${index.name} has ${found} entries, but the documents need ${expected}`)
      }
    }
  }

  reply (): Plain {
    const { ns, count } = this.#collection
    const nrecords = this.#documents
    if (nrecords !== count) this.#report(`there are ${nrecords} documents, but ${count} were counted`)
    const errors = this.#errors
    return { ns, nrecords, nIndexes: this.#expected.size, valid: errors.length === 0, errors, ok: 1 }
  }

  #checkDocument (index: Index, record: number, doc: Buffer): void {
    const keys = keysOf(index.parts, docVal(doc))
    this.#expected.set(index, (this.#expected.get(index) as number) + keys.length)
    for (const key of keys) {
      const held = this.#context.store.entry(entryKey(index, key, record))
      const isMissing = held === undefined || (index.unique && recordOf(held) !== record)
      if (isMissing) this.#report(`document ${record} is missing from index ${index.name}`)
    }
  }

  #report (error: string): void {
    if (this.#errors.length < MAX_ERRORS) this.#errors.push(error)
  }
}
