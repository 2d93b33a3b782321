// Heavy mixed writes, with a model of what they must leave behind when the server is killed.
import type { AnyBulkWriteOperation, Collection } from 'mongodb'

export interface Doc {
  _id: string
  lane: number
  n: number
  tags: number[]
  text?: string
}
type State = ReadonlyMap<string, Doc>

/** One command, and the states after each of its statements. No statement may be half done. */
interface Step {
  send(items: Collection<Doc>): Promise<unknown>
  states: State[]
}

/**
 * A writer that owns the documents of its lane. It sends one command after another, so it knows their exact
 * states.
 */
export class Lane {
  #acknowledged: State = new Map()
  #pending: State[] = []
  #serial = 0
  readonly lane: number
  readonly #random: () => number
  constructor (lane: number, random: () => number) {
    this.lane = lane
    this.#random = random
  }

  /** Sends one command and resolves when it is acknowledged. */
  async step (items: Collection<Doc>): Promise<void> {
    const { send, states } = this.#next()
    this.#pending = states
    await send(items)
    this.#acknowledged = states.at(-1)!
    this.#pending = []
  }

  /**
   * Takes the stored documents as the new state.
   *
   * @throws Error unless they are the acknowledged state, or that with some of the statements in flight
   */
  recover (stored: Doc[]): void {
    const text = (state: State) =>
      JSON.stringify([...state.values()].sort((a, b) => (a._id < b._id ? -1 : 1)))
    const found = text(new Map(stored.map(doc => [doc._id, doc])))
    const match = [this.#acknowledged, ...this.#pending].find(state => text(state) === found)
    if (!match) {
      throw new Error(
        `lane ${this.lane} holds ${found}\nacknowledged was ${text(this.#acknowledged)}\n` +
          `in flight ${this.#pending.map(text).join('\n or ')}`
      )
    }
    this.#acknowledged = match
    this.#pending = []
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!
  }

  #fresh (): Doc {
    // No identifier is used twice: that distinguishes an insert that survived a crash from a new one.
    return {
      _id: `${this.lane}-${++this.#serial}`,
      lane: this.lane,
      n: this.#serial,
      tags: [this.#serial % 3, this.#serial % 5],
      text: 'x'.repeat(Math.floor(this.#random() * 400))
    }
  }

  /** The states after each of these inserts; each insert is one statement. */
  #inserting (docs: Doc[]): State[] {
    return docs.map(
      (_, i) =>
        new Map([...this.#acknowledged, ...docs.slice(0, i + 1).map((doc): [string, Doc] => [doc._id, doc])])
    )
  }

  /** The state after one statement; `change` returns the changed document, or null to remove it. */
  #changing (change: (doc: Doc) => Doc | null): State {
    return new Map(
      [...this.#acknowledged].flatMap(([_id, doc]): Array<[string, Doc]> => {
        const changed = change(doc)
        return changed ? [[_id, changed]] : []
      })
    )
  }

  /** Chooses the next command. */
  #next (): Step {
    const ids = [...this.#acknowledged.keys()]
    const _id = this.#pick(ids)
    const many = Array.from({ length: 20 }, () => this.#fresh())
    if (_id === undefined) return this.#insertMany(many)
    if (ids.length > 60) return this.#deleteMany()
    return this.#pick([() => this.#ofOne(_id), () => this.#ofMany(_id, many)])()
  }

  #ofOne (_id: string): Step {
    const { lane } = this
    const one = this.#fresh()
    const changing = (change: (doc: Doc) => Doc | null): State[] => [
      this.#changing(doc => (doc._id === _id ? change(doc) : doc))
    ]
    return this.#pick<() => Step>([
      () => ({ send: items => items.insertOne(one), states: this.#inserting([one]) }),
      () => ({
        send: items => items.updateOne({ _id }, { $push: { tags: 7 } }),
        states: changing(doc => ({ ...doc, tags: [...doc.tags, 7] }))
      }),
      () => ({ send: items => items.deleteOne({ _id }), states: changing(() => null) }),
      () => ({
        send: items => items.findOneAndUpdate({ lane, _id }, { $unset: { text: 1 } }),
        states: changing(({ n, tags }) => ({ _id, lane, n, tags }))
      }),
      () => ({
        send: items => items.replaceOne({ _id }, { lane, n: one.n, tags: [9] }),
        states: changing(() => ({ _id, lane, n: one.n, tags: [9] }))
      })
    ])()
  }

  #ofMany (_id: string, many: Doc[]): Step {
    const { lane } = this
    return this.#pick<() => Step>([
      () => this.#insertMany(many),
      () => this.#deleteMany(),
      () => ({
        send: items => items.updateMany({ lane }, { $inc: { n: 100_000 } }),
        states: [this.#changing(doc => ({ ...doc, n: doc.n + 100_000 }))]
      }),
      () => this.#bulkWrite(_id, many.slice(0, 5))
    ])()
  }

  #insertMany (docs: Doc[]): Step {
    return { send: items => items.insertMany(docs), states: this.#inserting(docs) }
  }

  #deleteMany (): Step {
    const { lane } = this
    const tag = this.#pick([0, 1, 2, 3, 4])
    return {
      send: items => items.deleteMany({ lane, tags: tag }),
      states: [this.#changing(doc => (doc.tags.includes(tag) ? null : doc))]
    }
  }

  /** Inserts documents and deletes another one. */
  #bulkWrite (_id: string, docs: Doc[]): Step {
    const operations: Array<AnyBulkWriteOperation<Doc>> = [
      ...docs.map(document => ({ insertOne: { document } })),
      { deleteOne: { filter: { _id } } }
    ]
    const inserted = this.#inserting(docs)
    const deleted = new Map([...inserted.at(-1)!].filter(([key]) => key !== _id))
    return { send: items => items.bulkWrite(operations), states: [...inserted, deleted] }
  }
}
