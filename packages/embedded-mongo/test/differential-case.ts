// What the cases of the differential test share.
import { Long, type Collection, type Db, type Document } from 'mongodb'

export interface Case {
  /** The page of the manual, or another source of MongoDB, that gives the answer. */
  section: string
  rule: string
  docs?: Document[]
  indexes?: Document[]
  run(items: Collection, db: Db): Promise<unknown>
  expect: unknown
  /** What SecantusDB 0.7.0b3 does differently. */
  secantusdb?: string
}

export const ids = async (
  items: Collection,
  filter: Document,
  sort: Document = { _id: 1 }
): Promise<unknown[]> =>
  (await items.find(filter, { sort, projection: { _id: 1 } }).toArray()).map(doc => Number(doc._id))
export const finds = (filter: Document, sort?: Document) => (items: Collection) => ids(items, filter, sort)
/** Updates the documents. @returns all documents without their identifiers */
export const updates =
  (update: Document, filter: Document = {}, options: Document = {}) =>
    async (items: Collection) => {
      await items.updateMany(filter, update, options)
      return items.find({}, { sort: { _id: 1 }, projection: { _id: 0 } }).toArray()
    }
export const code = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    err => err.code
  )
export const fails =
  (update: Document, filter: Document = {}) =>
    (items: Collection) =>
      code(items.updateOne(filter, update))
export const numbered = (key: string, ...values: unknown[]): Document[] =>
  values.map((value, _id) => (value === undefined ? { _id } : { _id, [key]: value }))
export const long = (digits: string) => Long.fromString(digits)
