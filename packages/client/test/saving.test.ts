/** The state that survives a restart of the application. The test plays the server, frame by frame. */
import tap from 'tap'
import type { SavedState } from '../src/index.js'
import { bela, me, message, resumed, script, talk } from './scripted-server.js'

tap.test('what was delivered and what has no answer survive a restart', async t => {
  const saved: SavedState[] = []
  const save = (state: SavedState) => saved.push(structuredClone(state))
  const first = script(t, { have: {}, save })
  await first.start()
  first.client.send(bela, 'offline').catch(() => {})
  await first.tell({ type: 'message', message: message(1) }, { type: 'message', message: message(2) })
  await first.world.pass(200)
  const state = saved.at(-1)!
  t.same(state.have, { [talk]: 2 })
  t.match(state.pending, [{ type: 'send', reciver: bela, message: 'offline' }])
  t.ok(saved.length <= 2, 'changes are collected')
  first.client.close()

  const second = script(t, { state: JSON.parse(JSON.stringify(state)) })
  await second.start()
  t.same(second.all('resume')[0]!.have, { [talk]: 2 })
  const [sent] = second.all('send')
  t.equal(sent!.clientId, state.pending[0]!.clientId, 'it is stored once, whatever the first client reached')
  await second.tell({ type: 'message', message: message(2) }, { type: 'message', message: message(3) })
  t.same(second.seqs(), [3])
  const { clientId } = sent!
  const stored = message(4, { sender: me, reciver: bela, clientId })
  await second.tell({ type: 'ack', clientId, message: stored }, resumed())
  t.same(second.client.pending, [])
})

tap.test('close saves what waits, and what it rejects stays pending', async t => {
  const saved: SavedState[] = []
  const s = script(t, { save: state => saved.push(state) })
  const answer = s.client.send(bela, 'never sent')
  s.client.close()
  await t.rejects(answer, { code: 'closed' })
  t.match(saved.at(-1)!.pending, [{ message: 'never sent' }])
  t.same(s.world.alarms, 0)
})
