import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Milliseconds that long work keeps the event loop for. All other clients wait meanwhile, and up to four
 * lists are read at a time.
 */
const SLICE_MS = 3

/** Divides long work, so that other work of the event loop runs in between. */
export class Slices {
  #end = performance.now() + SLICE_MS

  /** Call it often. @returns a promise where it is the others' turn */
  next (): Promise<void> | undefined {
    if (performance.now() < this.#end) return undefined
    return nextTurn().then(() => {
      this.#end = performance.now() + SLICE_MS
    })
  }
}

/** Maps items in slices. */
export async function mapInSlices<Item, Mapped> (
  items: readonly Item[], map: (item: Item) => Mapped
): Promise<Mapped[]> {
  const slices = new Slices()
  const mapped: Mapped[] = []
  for (const item of items) {
    mapped.push(map(item))
    const turn = slices.next()
    if (turn !== undefined) await turn
  }
  return mapped
}
