import btree from 'sorted-btree'
import { docVal } from './bson-value.js'
import type { Collection } from './collection.js'
import { CHUNK, type Documents } from './documents.js'
import { MongoError } from './errors.js'
import { sortKey } from './index-keys.js'
import type { Filter } from './match.js'
import type { KeyPart } from './path.js'
import { NOTHING, numbered } from './record-keys.js'
import type { Store } from './store.js'

const { default: BTree } = btree

/**
 * Memory of a sort without an index. The tree holds keys and record numbers only; MongoDB allows 100 MiB of
 * documents.
 */
const MAX_SORT_BYTES = 32 * 1024 * 1024
/** Memory of an item of the tree besides its key. */
const ITEM_BYTES = 100

/**
 * Sorts documents that come in another order.
 *
 * @param wanted how many documents are needed; the tree holds no more
 * @throws MongoError QueryExceededMemoryLimitNoDiskUseAllowed (292)
 */
export function * sorted (
  store: Store, collection: Collection, filter: Filter, sort: KeyPart[], source: Documents, wanted: number
): Documents {
  const tree = new BTree<Buffer, number>(undefined, Buffer.compare)
  let bytes = 0
  for (const found of source) {
    if (found === undefined) {
      yield undefined
      continue
    }
    // The number keeps documents apart that the sort finds equal.
    const key = numbered(NOTHING, sortKey(sort, docVal(found.doc)), found.record)
    tree.set(key, found.record)
    bytes += key.length + ITEM_BYTES
    if (tree.size > wanted) {
      const last = tree.maxKey() as Buffer
      tree.delete(last)
      bytes -= last.length + ITEM_BYTES
    }
    if (bytes > MAX_SORT_BYTES) {
      const advice = "an index on the sort's fields needs none"
      throw new MongoError(292, `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes; ${advice}`)
    }
  }
  let read = 0
  for (const record of tree.values()) {
    const doc = store.document(collection, record)
    if (doc !== undefined && filter.test(docVal(doc))) yield { record, doc }
    read++
    if (read % CHUNK === 0) yield undefined
  }
}
