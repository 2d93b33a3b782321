import { fields, show, valueEnd } from './bson.js'
import { T, type Val } from './bson-value.js'
import { MongoError, notImplemented } from './errors.js'

/** Bytes of the length that a document begins with. */
const LENGTH_BYTES = 4

/**
 * Reads a projection: top-level fields to include, or to exclude.
 *
 * @returns a function that makes the projected document
 * @throws MongoError NotImplemented (238) for any other projection, 31250, 31253 or 31254 for a contradictory
 *   one
 */
export function compileProjection (projection: Val): (doc: Buffer) => Buffer {
  const wanted = wantedFields(projection)
  const others = [...wanted].filter(([name]) => name !== '_id')
  const include = others[0]?.[1] ?? wanted.get('_id')
  const mixed = others.find(([, value]) => value !== include)?.[0]
  if (mixed !== undefined) {
    const code = include === true ? 31254 : 31253
    throw new MongoError(code, `Cannot both include and exclude: field ${mixed} of the projection`)
  }
  if (include === undefined) return doc => doc
  const keeps = (name: string): boolean => wanted.get(name) ?? (name === '_id' || !include)
  return doc => keepFields(doc, keeps)
}

/** Copies the fields whose names are kept, those beside each other at once. */
function keepFields (doc: Buffer, keeps: (name: string) => boolean): Buffer {
  const kept = Buffer.allocUnsafe(doc.length)
  const end = doc.length - 1
  let length = LENGTH_BYTES
  let from = LENGTH_BYTES
  for (let pos = LENGTH_BYTES; pos < end;) {
    const nul = doc.indexOf(0, pos + 1)
    const next = valueEnd(doc[pos] as number, doc, nul + 1)
    if (!keeps(doc.toString('utf8', pos + 1, nul))) {
      length += doc.copy(kept, length, from, pos)
      from = next
    }
    pos = next
  }
  length += doc.copy(kept, length, from, end)
  kept[length++] = 0
  kept.writeInt32LE(length)
  return kept.subarray(0, length)
}

function wantedFields (projection: Val): Map<string, boolean> {
  const wanted = new Map<string, boolean>()
  for (const [name, value] of fields(projection)) {
    const isTopLevel = name !== '' && !name.startsWith('$') && !name.includes('.')
    const isFlag = value.isNumber || value.type === T.bool
    if (!isTopLevel || !isFlag) throw notImplemented(`the projection ${name}: ${show(value)}`)
    if (wanted.has(name)) throw new MongoError(31250, `Path collision at ${name}`)
    wanted.set(name, value.truthy)
  }
  return wanted
}
