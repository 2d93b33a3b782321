/** The fold of a log: idempotent, safe against any order, and equal to what the log says. */
import tap from 'tap'
import { fold, foldMessage, placeOf, type Entry, type Folded } from '../src/fold.js'
import { userId } from './model.js'
import { bela, me, message, talk } from './scripted-server.js'
import { seeded } from './world.js'

const AT = '2024-01-31T12:00:00.000Z'
const head = (rev: number) => ({ type: 'change' as const, conversation: talk, rev, by: bela, at: AT })

/** A random log in which every kind of change appears. */
function randomLog (random: () => number, length: number): Entry[] {
  const below = (n: number) => Math.floor(random() * n)
  let top = 0
  return Array.from({ length }, (_, index): Entry => {
    const rev = index + 1
    const dice = random()
    if (top === 0 || dice < 0.3) {
      top++
      return { type: 'message', message: message(top, { rev }) }
    }
    const seq = 1 + below(top)
    if (dice < 0.5) return { ...head(rev), kind: 'edit', seq, message: `edit ${rev}` }
    if (dice < 0.6) return { ...head(rev), kind: 'delete', seq }
    if (dice < 0.65) return { ...head(rev), kind: 'member', user: me, role: 'admin' }
    return { ...head(rev), by: userId(below(3)), kind: 'reaction', seq, emoji: '👍', on: random() < 0.6 }
  })
}

const foldAll = (entries: Entry[], keep?: number) =>
  entries.reduce<Folded | undefined>((state, entry) => fold(state, entry, keep), undefined)

tap.test('entries that come twice, too early or too late change nothing', async t => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seeded(seed)
    const log = randomLog(random, 60)
    const expected = foldAll(log)
    let state = fold(undefined, log[0]!)
    while (state.rev < log.length) {
      // The next one in one of four cases, otherwise any.
      const any = log[Math.floor(random() * log.length)]!
      const entry = random() < 0.25 ? log[state.rev]! : any
      const before = state
      state = fold(state, entry)
      if (placeOf(entry).rev !== before.rev + 1) t.equal(state, before, `seed ${seed}`)
    }
    t.same(state, expected, `seed ${seed}`)
  }
})

tap.test('equals what each message went through', async t => {
  for (let seed = 1; seed <= 50; seed++) {
    const log = randomLog(seeded(seed), 80)
    for (const state of foldAll(log)!.messages) {
      const changes = log.filter(entry => 'seq' in entry && entry.seq === state.seq)
      const gone = changes.find(entry => entry.type === 'change' && entry.kind === 'delete')
      t.equal(state.deletedAt !== undefined, gone !== undefined)
      if (gone !== undefined) t.match(state, { message: '', editedAt: undefined, reactions: undefined })
      const edits = changes.flatMap(entry => 'kind' in entry && entry.kind === 'edit' ? [entry.message] : [])
      if (gone === undefined) t.equal(state.message, edits.at(-1) ?? `number ${state.seq}`)
    }
  }
})

tap.test('keeps the newest messages, and the input as it was', async t => {
  const log = Array.from({ length: 10 }, (_, n): Entry => ({ type: 'message', message: message(n + 1) }))
  t.same(foldAll(log, 3)!.messages.map(({ seq }) => seq), [8, 9, 10])
  const first = Object.freeze(message(1, { reactions: { '👍': [me] } }))
  const off = { ...head(11), by: me, kind: 'reaction' as const, seq: 1, emoji: '👍', on: false }
  t.same(foldMessage(first, off), message(1))
  t.same(first.reactions, { '👍': [me] })
  t.equal(foldMessage(first, { ...off, conversation: userId(9) }), first, 'of another conversation')
})

tap.test('a kind of change that the client does not know changes nothing', async t => {
  const before = message(1)
  const pin = { ...head(2), kind: 'pin', seq: 1, on: true }
  t.same(foldMessage(before, pin as never), before)
})
