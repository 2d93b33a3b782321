/**
 * A value that is there at once, or a promise of it. On the way of a message nearly all is known, so it takes
 * no promises; what is not known needs the database.
 */
export type Known<T> = T | Promise<T>

/** Passes a value on: in the same turn where it is there at once, else when the promise resolves. */
export function whenKnown<T> (value: Known<T>, use: (value: T) => void): Promise<void> | undefined {
  if (value instanceof Promise) return value.then(use)
  use(value)
  return undefined
}

/** The same with a result. */
export function mapKnown<T, R> (value: Known<T>, use: (value: T) => Known<R>): Known<R> {
  return value instanceof Promise ? value.then(use) : use(value)
}
