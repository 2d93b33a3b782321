/** Users of the model of the server, what their clients handed on, and what is wrong with it. */
import { isDeepStrictEqual } from 'node:util'
import { ChatClient, type Answer, type Entry, type Message } from '../src/index.js'
import { isSameEntry, plain } from './entries.js'
import type { Model } from './model.js'

const BACKOFF = { baseMs: 50, ceilingMs: 400 }

export interface Person {
  id: string
  client: ChatClient
  log: Entry[]
  /** the answers to this person's sends */
  sent: Promise<Message>[]
  /** the answers to this person's changes; undefined where the message was deleted meanwhile */
  changed: Promise<Answer | undefined>[]
}

export function person (model: Model, id: string, have?: Record<string, number>): Person {
  const client = new ChatClient({
    ...model.options(id),
    backoff: BACKOFF,
    ...(have === undefined ? {} : { have })
  })
  const log: Entry[] = []
  client.on('message', message => {
    log.push({ type: 'message', message })
  })
  client.on('change', change => {
    log.push(change)
  })
  return { id, client, log, sent: [], changed: [] }
}

export const headOf = (entry: Entry) => entry.type === 'message' ? entry.message : entry

/** Why a person's log is not the database's; undefined: it is. `from` says where it may begin. */
export function difference (
  model: Model,
  { id, log }: Person,
  from: (conversation: string) => number
): string | undefined {
  for (const conversation of model.conversations()) {
    if (!conversation.split(':').includes(id)) continue
    const stored = model.log(conversation)
    const got = log.filter(entry => headOf(entry).conversation === conversation)
    const start = stored.length - got.length
    if (got.some((entry, index) => !isSameEntry(stored[start + index], entry))) {
      return `${conversation}: ${got.map(entry => headOf(entry).rev)} of ${stored.length}`
    }
    if (start > from(conversation)) return `${conversation}: begins after ${start}, not ${from(conversation)}`
  }
  return undefined
}

/** Whether a person's state of the messages, as far as the client keeps it, is the server's. */
export function isSameState (model: Model, { client }: Person): boolean {
  return model.conversations().every(conversation => {
    const kept = client.messages(conversation)
    const stored = model.state(conversation).slice(-kept.length)
    return kept.length === 0 || isDeepStrictEqual(plain(kept), plain(stored))
  })
}

/** Each request of a device has an answer of its own, and what was stored is handed on. */
export async function problemsOfAnswers ({ sent, changed, log }: Person): Promise<string[]> {
  const [messages, changes] = await Promise.all([Promise.all(sent), Promise.all(changed)])
  const revs = new Set(log.map(entry => `${headOf(entry).conversation} ${headOf(entry).rev}`))
  const stored = changes.filter(answer => answer !== undefined && 'kind' in answer) as Answer[]
  const answers = [...messages, ...stored].map(({ conversation, rev }) => `${conversation} ${rev}`)
  const problems = answers.filter(answer => !revs.has(answer)).map(answer => `own entry ${answer} is missing`)
  if (new Set(answers).size !== answers.length) problems.push('two requests, one entry')
  return problems
}

/** Requests of all devices that were stored, as their answers tell it. */
export async function storedOf (people: Person[]): Promise<number> {
  const answers = await Promise.all(people.flatMap(({ changed }) => changed))
  const changes = answers.filter(answer => answer !== undefined && 'kind' in answer)
  return changes.length + people.reduce((sum, { sent }) => sum + sent.length, 0)
}
