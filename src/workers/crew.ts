import cluster, { type Address, type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { BaseLogger } from 'pino'
import { AggregatorRegistry } from 'prom-client'
import { Broker } from '../realtime/bus/broker.js'
import { isOurs, sendTo, type ToPrimary, type ToWorker } from './messages.js'

/** Milliseconds until a worker that died is replaced, so that a fault at each start keeps no core busy. */
const RESTART_MS = 500

export interface CrewOptions {
  size: number
  /** environment variables of the workers, besides those of this process */
  env: Record<string, string>
  log: Pick<BaseLogger, 'error' | 'info'>
}

/** The workers of this process: a worker that dies is replaced. */
export class Crew {
  readonly #options: CrewOptions
  readonly #broker = new Broker()
  readonly #metrics = new AggregatorRegistry()
  readonly #closing = new AbortController()

  constructor (options: CrewOptions) { this.#options = options }

  /**
   * Starts the workers; the first one prepares the database.
   * @returns where they listen
   * @throws where one ends before it listens; it said why
   */
  async start (): Promise<Address> {
    // The operating system gives each connection to a worker. Where Node hands them out, those that are on
    // their way to a worker that was killed hang for ever (Node 20, seen in test/long/workers.test.ts).
    cluster.schedulingPolicy = cluster.SCHED_NONE
    const address = await this.#startOne()
    await Promise.all(Array.from({ length: this.#options.size - 1 }, () => this.#startOne()))
    cluster.on('exit', (worker, code, signal) => {
      if (this.#closing.signal.aborted) return
      const { pid } = worker.process
      this.#options.log.error({ worker: pid, code, signal }, 'a worker ended: starting another')
      this.#replace().catch(() => {})
    })
    return address
  }

  /** Lets the workers finish; resolves when they are gone. */
  async close (): Promise<void> {
    this.#closing.abort()
    await Promise.all(workers().map(async worker => {
      const exited = once(worker, 'exit')
      send(worker, { chat: 'close' }).catch(() => {})
      // It ends a worker that is starting; the others ignore it.
      worker.process.kill('SIGTERM')
      await exited
    }))
  }

  async #replace (): Promise<void> {
    await delay(RESTART_MS, undefined, { signal: this.#closing.signal })
    await this.#startOne()
    this.#options.log.info('the new worker listens')
  }

  async #startOne (): Promise<Address> {
    const worker = cluster.fork(this.#options.env)
    this.#serve(worker)
    const ended = once(worker, 'exit').then(() => {
      throw new Error('a worker ended before it listened')
    })
    const [address] = await Promise.race([once(worker, 'listening'), ended])
    ended.catch(() => {})
    return address as Address
  }

  #serve (worker: Worker): void {
    const member = this.#broker.join(async message => await send(worker, { chat: 'bus', message }))
    worker.on('message', (message: ToPrimary) => {
      if (!isOurs(message)) return
      if (message.chat === 'bus') member.receive(message.message)
      else this.#sendMetrics(worker, message.id).catch(() => {})
    })
    worker.once('exit', () => member.leave())
  }

  async #sendMetrics (worker: Worker, id: number): Promise<void> {
    const text = await this.#metrics.clusterMetrics().catch(() => undefined)
    await send(worker, { chat: 'metrics', id, ...(text === undefined ? {} : { text }) })
  }
}

function workers (): Worker[] {
  return Object.values(cluster.workers ?? {}).filter(worker => worker !== undefined)
}

const send = async (worker: Worker, message: ToWorker): Promise<void> => await sendTo(worker.process, message)
