/** What must hold at the end of a soak. */
import { conversationOf } from 'chat-app-client'
import { differenceOf, faultsIn, notStored, readLog, type Logs } from '../chat-log.js'
import type { ServerProcess } from '../server.js'
import type { HonestClients } from './honest-clients.js'
import type { Phase } from './sampler.js'
import type { Verdict } from './verdict.js'

/** Memory of the server under attack that belongs to no file: a small virtual machine has that. */
const MOST_ANONYMOUS_MIB = 1024
/** Above what it took in peace: V8 and the allocator keep some of what was used once. */
const FALLEN_BACK_MIB = 256
/** The last samples after the attack: garbage has been collected in one of them. */
const LAST_SAMPLES = 15

/** The conversations of honest people with each other, and those with attackers. */
async function readLogs (honest: HonestClients): Promise<{ own: Logs, foreign: Logs }> {
  const [own, foreign]: [Logs, Logs] = [new Map(), new Map()]
  const ids = new Set(honest.people.map(({ id }) => id))
  for (const person of honest.people) {
    for (const other of await honest.conversationsOf(person)) {
      const logs = ids.has(other) ? own : foreign
      const conversation = conversationOf(person.id, other)
      if (!logs.has(conversation)) logs.set(conversation, await readLog(honest.origin, person, other))
    }
  }
  return { own, foreign }
}

/** Compares what is stored with what was sent, acknowledged and seen. */
export async function checkLog (honest: HonestClients, verdict: Verdict): Promise<void> {
  const { sent, acked, devices, faults } = honest
  const { own, foreign } = await readLogs(honest)
  const stored = [...own.values()].flat().length
  const counts = `${sent.size} sent, ${acked.length} acknowledged, ${stored} stored`
  const equal = stored === sent.size && acked.length === sent.size
  verdict.none('nothing went wrong for honest people', faults, `${acked.length} messages acknowledged`)
  verdict.check('what was sent is stored once each', equal, counts)
  const wrong = [...faultsIn(own, sent), ...faultsIn(foreign)]
  verdict.none('numbers 1, 2, 3 …, no clientId twice, texts as sent', wrong,
    `${own.size} conversations, ${foreign.size} with attackers`)
  verdict.none('each is stored under the number of its ack', notStored(own, acked), `${acked.length} acks`)
  const all: Logs = new Map([...own, ...foreign])
  const differences = await Promise.all(devices.map(device => differenceOf(device, all)))
  verdict.none('each device saw what is stored, once and in order',
    differences.filter(difference => difference !== undefined), `${devices.length} devices`)
}

/** The process, and its memory. */
export function checkServer (server: ServerProcess, phases: Record<string, Phase>, verdict: Verdict): void {
  const { child } = server
  const { exitCode, signalCode } = child
  verdict.check('the server never ended', exitCode === null && signalCode === null, `process ${child.pid}`)
  const { calm, attack, after } = phases
  const most = attack!.maxAnonymous
  verdict.check(`RssAnon under attack at most ${MOST_ANONYMOUS_MIB} MiB`, most <= MOST_ANONYMOUS_MIB,
    `${most.toFixed(0)} MiB`)
  const [before, least] = [calm!.maxAnonymous, after!.leastAnonymous(LAST_SAMPLES)]
  verdict.check(`RssAnon falls back to ${FALLEN_BACK_MIB} MiB above calm`, least <= before + FALLEN_BACK_MIB,
    `${before.toFixed(0)} MiB calm, ${least.toFixed(0)} MiB after`)
}
