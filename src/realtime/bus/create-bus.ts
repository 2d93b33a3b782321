import type { Config } from '../../config.js'
import type { Bus } from './bus.js'
import { MemoryBus } from './memory-bus.js'

/** Chooses the bus for a configuration. This is the only place that knows the implementations. */
export function createBus (config: Pick<Config, 'MONGODB_URL'>): Bus {
  // The embedded database is locked by its process; a MongoDB server may have other writers.
  const alone = config.MONGODB_URL === ''
  return new MemoryBus(alone)
}
