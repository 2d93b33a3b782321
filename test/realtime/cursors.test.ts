/** What a socket gets of a conversation has no gap and no repeat, on hundreds of random schedules. */
import t from 'tap'
import type { CursorSink } from '../../src/realtime/cursor.js'
import { Cursors } from '../../src/realtime/cursors.js'
import type { CursorReads } from '../../src/realtime/log-reads.js'
import type { LogEnd } from '../../src/chat/log/log-repository.js'
import type { EntryDocument } from '../../src/database/documents.js'
import { seeded } from '../../packages/client/test/world.js'
import { eventually, range } from './helper.js'

const SCHEDULES = 300
const STEPS = 200
const RESUME_LIMIT = 30
const PAGE = 5

/** A socket, the log behind it, and what other processes do, by chance. */
class World implements CursorSink {
  closed = false
  readonly random: () => number
  readonly cursors: Cursors
  readonly conversations = ['a', 'b', 'c']
  /** The last number stored of each conversation. */
  readonly stored = new Map<string, number>()
  /** The number that must come next, once something was sent or said of the conversation. */
  readonly next = new Map<string, number>()
  readonly wrong: string[] = []
  resets = 0
  #room = 3
  #underWay = 0

  constructor (
    seed: number,
    readonly onlyWriter: boolean
  ) {
    this.random = seeded(seed)
    for (const conversation of this.conversations) this.stored.set(conversation, this.pick(4))
    const reads: CursorReads = {
      end: async conversation => await this.#read(() => this.#end(conversation)),
      page: async (conversation, after) => await this.#read(() => this.#page(conversation, after)),
      lastRevUntil: () => {
        throw new Error('all conversations are among the heads')
      },
      visibleAbove: async () => 0,
      isOwnRemoval: () => false
    }
    this.cursors = new Cursors(this, reads, { onlyWriter, maxCursors: 0, resumeLimit: RESUME_LIMIT })
  }

  pick (below: number): number {
    return Math.floor(this.random() * below)
  }

  /** The answer is of some moment after the question, and comes later still. */
  async #read<T>(answer: () => T): Promise<T> {
    this.#underWay++
    await this.#pause()
    const result = answer()
    await this.#pause()
    this.#underWay--
    return result
  }

  async #pause (): Promise<void> {
    for (let turns = this.pick(4); turns > 0; turns--) {
      await new Promise(resolve => {
        setImmediate(resolve)
      })
    }
  }

  #end (conversation: string): LogEnd {
    const rev = this.stored.get(conversation)!
    return { rev, top: rev }
  }

  #page (conversation: string, after: number): EntryDocument[] {
    const last = Math.min(this.stored.get(conversation)!, after + 1 + this.pick(PAGE))
    return range(after + 1, last).map(rev => ({ conversation, rev }) as EntryDocument)
  }

  get hasRoom (): boolean {
    return this.#room > 0
  }

  async drained (): Promise<void> {
    await this.#pause()
    this.#room = 1 + this.pick(4)
  }

  deliver ({ conversation, rev: seq }: Pick<EntryDocument, 'conversation' | 'rev'>): void {
    this.#room--
    const expected = this.next.get(conversation)
    if (expected !== seq) this.wrong.push(`${conversation}: ${seq} instead of ${expected}`)
    this.next.set(conversation, seq + 1)
  }

  reset (conversation: string, { rev: lastSeq }: LogEnd): void {
    this.resets++
    this.next.set(conversation, lastSeq + 1)
  }

  /** This process stores a message and tells of it. */
  store (conversation: string): void {
    const seq = this.stored.get(conversation)! + 1
    this.stored.set(conversation, seq)
    // If only this process writes, a conversation that was not resumed begins at the first number told.
    if (this.onlyWriter && !this.next.has(conversation)) this.next.set(conversation, seq)
    if (this.cursors.offer(conversation, seq, true)) this.deliver({ conversation, rev: seq })
  }

  /** Another process stores messages. */
  storeElsewhere (conversation: string): void {
    this.stored.set(conversation, this.stored.get(conversation)! + 1 + this.pick(3))
  }

  async resume (conversations: string[]): Promise<void> {
    const have = Object.fromEntries(
      conversations.map(conversation => {
        const above = this.pick(20) === 0 ? 3 : 0
        return [conversation, this.pick(this.stored.get(conversation)! + 1) + above]
      })
    )
    for (const [conversation, seq] of Object.entries(have)) this.next.set(conversation, seq + 1)
    await this.cursors.restart(have)
  }

  /** The heads of this moment. */
  readHeads (): void {
    for (const [conversation, seq] of this.stored) {
      if (!this.next.has(conversation)) this.next.set(conversation, seq + 1)
    }
    this.cursors.setHeads({ last: new Map(this.stored), othersUntil: undefined })
  }

  /** Everything stored was sent, as far as there was anything to send. */
  get complete (): boolean {
    return (
      this.#underWay === 0 &&
      [...this.stored].every(([conversation, seq]) => {
        const next = this.next.get(conversation)
        return next === undefined || next === seq + 1
      })
    )
  }
}

async function play (seed: number, onlyWriter: boolean): Promise<World> {
  const world = new World(seed, onlyWriter)
  const resumes: Promise<void>[] = []
  if (!onlyWriter) world.readHeads()
  for (let step = 0; step < STEPS; step++) {
    const conversation = world.conversations[world.pick(3)]!
    const action = world.pick(10)
    if (action < 4) world.store(conversation)
    else if (action < 6 && !onlyWriter) world.storeElsewhere(conversation)
    else if (action === 6) world.cursors.raise(conversation, world.stored.get(conversation)!)
    else if (action === 7) resumes.push(world.resume(world.conversations.slice(world.pick(3))))
    else {
      await new Promise(resolve => {
        setImmediate(resolve)
      })
    }
  }
  // The next heartbeat.
  if (!onlyWriter) for (const [conversation, seq] of world.stored) world.cursors.raise(conversation, seq)
  await Promise.all(resumes)
  await eventually(() => world.complete)
  return world
}

for (const onlyWriter of [true, false]) {
  t.test(onlyWriter ? 'one process writes' : 'others write too, and only the heartbeat tells', async t => {
    let resets = 0
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const world = await play(seed, onlyWriter)
      if (world.wrong.length > 0) t.same(world.wrong, [], `seed ${seed}`)
      resets += world.resets
    }
    t.ok(resets > 0, `${resets} resets`)
  })
}
