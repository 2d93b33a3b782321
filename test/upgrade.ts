import type { Test } from 'tap'
import { WebSocket } from 'ws'

/** The status with which an upgrade is answered, 101 if it is taken. */
export async function upgrade (
  t: Test,
  origin: string,
  headers: Record<string, string>,
  protocols: string[] = [],
  path = '/ws'
): Promise<number> {
  const ws = new WebSocket(origin.replace('http', 'ws') + path, protocols, { headers })
  t.teardown(() => ws.terminate())
  ws.on('error', () => {})
  return await new Promise(resolve => {
    ws.once('open', () => {
      ws.terminate()
      resolve(101)
    })
    ws.once('unexpected-response', (request, response) => {
      request.destroy()
      resolve(response.statusCode!)
    })
  })
}
