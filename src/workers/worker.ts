/** This process as a worker of a primary process: what it says to it, and hears of it. */
import { AggregatorRegistry, type Registry } from 'prom-client'
import type { BrokerPort } from '../realtime/bus/broker-messages.js'
import { Questions } from '../concurrency/questions.js'
import { isOurs, sendTo, type ToPrimary, type ToWorker } from './messages.js'

type Kind = ToWorker['chat']

type OfKind<K extends Kind> = Extract<ToWorker, { chat: K }>

function onMessage<K extends Kind> (kind: K, listener: (message: OfKind<K>) => void): void {
  process.on('message', (message: ToWorker) => {
    if (isOurs(message) && message.chat === kind) listener(message as OfKind<K>)
  })
}

const send = async (message: ToPrimary): Promise<void> => await sendTo(process, message)

/** The way to the broker of the bus. */
export const brokerPort: BrokerPort = {
  send: async message => await send({ chat: 'bus', message }),
  onMessage: listener => { onMessage('bus', ({ message }) => listener(message)) }
}

/** A terminal and systemd send these to every process of a group: the primary process decides. */
export const SIGNALS_OF_GROUPS = ['SIGINT', 'SIGTERM'] as const

/** Calls the listener when the primary process wants this one to end. Node ends it where that one is gone. */
export function onEnd (listener: () => void): void {
  onMessage('close', listener)
}

/**
 * Lets the primary process read this registry.
 * @returns a function that asks it for the metrics of all workers together
 */
export function shareMetrics (registry: Registry): () => Promise<string> {
  AggregatorRegistry.setRegistries([registry])
  // It answers what the primary process asks (prom-client, lib/cluster.js).
  // eslint-disable-next-line no-new -- its constructor listens
  new AggregatorRegistry()
  const questions = new Questions<string | undefined>()
  onMessage('metrics', ({ id, text }) => questions.answer(id, text))
  return async () => {
    const text = await questions.ask(async id => await send({ chat: 'metrics', id }))
    if (text === undefined) throw new Error('a worker does not answer')
    return text
  }
}
