/** What the server has stored, read back over HTTP, and whether clients were told the same. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ChatClient, Message } from 'chat-app-client'
import { request } from './server.js'

export interface Person { id: string, token: string }
/** A client, and every message that it handed on. */
export interface Device { client: ChatClient, person: Person, log: Message[] }
/** conversation -> its messages as they are stored */
export type Logs = Map<string, Message[]>

/** The most that the server gives in a page. */
const PAGE = 1000
/** Longer than a client waits before it comes back and resumes. */
const SILENCE_MS = 20_000

/** Reads a whole conversation; waits where the server limits how fast. */
export async function readLog (origin: string, { id, token }: Person, other: string): Promise<Message[]> {
  const log: Message[] = []
  for (let more = true; more;) {
    const after = log.at(-1)?.seq ?? 0
    const path = `/api/v1/getallmessages?sender=${id}&reciver=${other}&after=${after}&limit=${PAGE}`
    const { status, headers, body } = await request(origin, 'GET', path, { token })
    if (status === 429 || status === 503) {
      await delay(Number(headers.get('retry-after')) * 1000)
      continue
    }
    if (status !== 200) throw new Error(`getallmessages: ${status} ${JSON.stringify(body)}`)
    log.push(...body.data)
    more = body.hasMore && body.data.length > 0
  }
  return log
}

/** The place of a message that was sent: what `sent` of `faultsIn` is keyed by. */
export const sentKey = (conversation: string, clientId: string): string => conversation + clientId

/**
 * Checks that each conversation is numbered 1, 2, 3 … and has no clientId twice.
 * @param sent where given, the text of every message by its `sentKey`: nothing else may be stored
 * @returns what is wrong, a line each
 */
export function faultsIn (logs: Logs, sent?: ReadonlyMap<string, string>): string[] {
  const faults: string[] = []
  for (const [conversation, log] of logs) {
    for (const [index, { seq, clientId = '', message }] of log.entries()) {
      if (seq !== index + 1) faults.push(`${conversation}: ${seq} at the place of ${index + 1}`)
      if (sent !== undefined && sent.get(sentKey(conversation, clientId)) !== message) {
        faults.push(`${conversation} ${seq}: not the text that was sent`)
      }
    }
    const clientIds = log.flatMap(({ clientId }) => clientId ?? [])
    if (new Set(clientIds).size !== clientIds.length) faults.push(`${conversation}: a clientId twice`)
  }
  return faults
}

/** Those of the acknowledged messages that are not stored under the number that their ack named. */
export function notStored (logs: Logs, acked: readonly Message[]): Message[] {
  return acked.filter(({ conversation, seq, _id }) => logs.get(conversation)?.[seq - 1]?._id !== _id)
}

/**
 * Compares what a device handed on with what is stored in its person's conversations.
 * Waits for what is still on its way.
 * @returns undefined where they are equal: every message once and in order
 */
export async function differenceOf (device: Device, logs: Logs): Promise<object | undefined> {
  const { client, person, log } = device
  const expected = [...logs].filter(([conversation]) => conversation.includes(person.id))
  const total = expected.reduce((sum, [, messages]) => sum + messages.length, 0)
  await messagesUntil(client, () => log.length >= total)
  const seen = byConversation(log)
  const differing = expected
    .filter(([conversation, messages]) => !sameOrder(seen.get(conversation) ?? [], messages))
    .map(([conversation, messages]) => (
      { conversation, stored: messages.length, seen: seen.get(conversation)?.map(({ seq }) => seq) }
    ))
  if (log.length === total && differing.length === 0) return undefined
  return { user: person.id, state: client.state, seen: log.length, total, differing }
}

/** Waits for messages, but not for ever: a device that gets none any more has lost what it still lacks. */
async function messagesUntil (client: ChatClient, complete: () => boolean): Promise<void> {
  if (complete()) return
  await new Promise<void>(resolve => {
    const done = () => {
      off()
      clearTimeout(silence)
      resolve()
    }
    const silence = setTimeout(done, SILENCE_MS)
    const off = client.on('message', () => {
      if (complete()) done()
      else silence.refresh()
    })
  })
}

function sameOrder (seen: Message[], stored: Message[]): boolean {
  if (seen.length !== stored.length) return false
  return seen.every(({ _id, seq }, n) => _id === stored[n]!._id && seq === n + 1)
}

function byConversation (log: Message[]): Logs {
  const groups: Logs = new Map()
  for (const message of log) {
    const group = groups.get(message.conversation)
    if (group === undefined) groups.set(message.conversation, [message])
    else group.push(message)
  }
  return groups
}
