/** How much memory there is for this process, and how much of it is in use. */
import { totalmem } from 'node:os'

/**
 * Bytes that the process may have: the machine's, or those of its container (Node gives 0 or a huge number
 * without one).
 */
export function availableMemory (): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

/**
 * Bytes of V8's heap and of the buffers outside it. Not the resident set (RSS): that one has the pages of
 * the embedded database's file among it, which the system takes back when it needs them, and memory that
 * was freed but kept by the allocator. With a file larger than the limit, or after one peak, all requests
 * would be refused for ever.
 */
export function memoryInUse (): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
