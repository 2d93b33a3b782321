/** How much memory this process may use, and how much it uses. */
import { totalmem } from 'node:os'

/**
 * Bytes that the process may use: the machine's memory, or the limit of its container. Without a container
 * Node reports 0 or a huge number.
 */
export function availableMemory (): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

/**
 * Bytes of V8's heap and of the buffers outside it. This is not the resident set (RSS), which includes pages
 * of the embedded database's file, although the system takes them back when it needs them, and freed memory
 * that the allocator keeps. With RSS, all requests would be refused for ever after one peak, or if the file
 * is larger than the limit.
 */
export function memoryInUse (): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
