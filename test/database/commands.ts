import type { Document } from 'bson'

/** Commands that look for documents, by the field that holds what they look for. */
export const LOOKING = new Set([
  'find', 'update', 'delete', 'findAndModify', 'aggregate', 'count', 'distinct'
])

/** The same command with other values: the shape names it. */
export function shapeOf (value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key.replaceAll(/[0-9a-f]{24}/g, 'ID'), shapeOf(inner)])
    )
  }
  return typeof value
}

/** Without what belongs to the session that sent it; a command with several statements becomes several. */
export function * statements ({
  lsid,
  $db,
  $clusterTime,
  $readPreference,
  txnNumber,
  ...command
}: Document): Generator<Document> {
  const list = command.updates ?? command.deletes
  if (list === undefined) yield command
  else {
    for (const statement of list) {
      yield { ...command, [command.updates === undefined ? 'deletes' : 'updates']: [statement] }
    }
  }
}

export const ID = /^[0-9a-f]{24}$/

export const DIRECT = /^[0-9a-f]{24}:[0-9a-f]{24}$/
