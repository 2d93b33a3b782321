/** Random choices from a generator of numbers from 0 to below 1, such as the seeded one of seed.ts. */
export class Chance {
  readonly random: () => number

  constructor (random: () => number) {
    this.random = random
  }

  /** A whole number from 0 to below `limit`. */
  whole (limit: number): number {
    return Math.floor(this.random() * limit)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.whole(list.length)]!
  }

  /** Makes a list of `least` to `least` + 3 items. */
  some<T>(make: () => T, least = 0): T[] {
    return Array.from({ length: least + this.whole(4) }, make)
  }

  /** Random bytes, fewer than `limit`. */
  noise (limit: number): Buffer {
    return Buffer.from(Array.from({ length: this.whole(limit) }, () => this.whole(256)))
  }
}
