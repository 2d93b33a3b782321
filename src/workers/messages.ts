/** The messages between the primary process and its workers, over Node's IPC. */
import type { ChildProcess } from 'node:child_process'
import type { FromBroker, ToBroker } from '../realtime/bus/broker-messages.js'

export type ToPrimary =
  | { chat: 'bus', message: ToBroker }
  /** asks for the metrics of all workers */
  | { chat: 'metrics', id: number }

export type ToWorker =
  | { chat: 'bus', message: FromBroker }
  /** the answer; undefined where a worker did not say its own */
  | { chat: 'metrics', id: number, text?: string }
  /** finish what is under way, and end */
  | { chat: 'close' }

/** Others use the channel too, such as prom-client. */
export function isOurs (message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'chat' in message
}

/** Resolves when the operating system took the message. */
export function sendTo (
  to: Pick<NodeJS.Process | ChildProcess, 'send'>, message: ToPrimary | ToWorker
): Promise<void> {
  return new Promise((resolve, reject) => {
    to.send!(message, undefined, undefined, error => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}
