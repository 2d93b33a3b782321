import cluster from 'node:cluster'
import type { BaseLogger } from 'pino'
import type { Config } from '../../config.js'
import type { Bus } from './bus.js'
import { IpcBus } from './ipc-bus.js'
import { MemoryBus } from './memory-bus.js'

type BusConfig = Pick<Config, 'MONGODB_URL' | 'REDIS_URL' | 'REDIS_PREFIX'>

/**
 * Chooses the bus for a configuration. This is the only place that knows the implementations.
 * @throws where Redis does not answer
 */
export async function createBus (
  { MONGODB_URL, REDIS_URL, REDIS_PREFIX }: BusConfig, log: Pick<BaseLogger, 'warn' | 'info'>
): Promise<Bus> {
  if (REDIS_URL !== '') {
    // Loaded only where it is used: the client takes as long as a tenth of the start.
    const { RedisBus } = await import('./redis-bus.js')
    const bus = new RedisBus({ url: REDIS_URL, prefix: REDIS_PREFIX, log })
    await bus.start()
    return bus
  }
  if (cluster.isWorker) {
    const { brokerPort } = await import('../../workers/worker.js')
    return new IpcBus(brokerPort, log)
  }
  // The embedded database is locked by its process; a MongoDB server may have other writers.
  return new MemoryBus(MONGODB_URL === '')
}
