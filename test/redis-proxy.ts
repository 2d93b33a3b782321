/** A proxy in front of Redis that parts a process from it, in one of two ways. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Lifetime } from './server.js'

export class RedisProxy {
  /** Subscriptions stay open, but nothing arrives on them; commands are answered. */
  swallows = false
  url = ''
  readonly #sockets = new Set<Socket>()
  #refuses = false

  /** @param upstream the port of the redis-server */
  static async start (t: Lifetime, upstream: number): Promise<RedisProxy> {
    const proxy = new RedisProxy()
    const server = createServer(client => {
      proxy.#join(client, connect(upstream, '127.0.0.1'))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    proxy.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
    t.teardown(() => {
      proxy.part()
      server.close()
    })
    return proxy
  }

  /** Cuts every connection, and each new one. */
  part (): void {
    this.#refuses = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Ends either fault. */
  heal (): void {
    this.swallows = false
    this.#refuses = false
  }

  #join (client: Socket, server: Socket): void {
    let subscribes = false
    for (const [from, to] of [[client, server], [server, client]] as const) {
      this.#sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
    client.on('data', data => {
      if (/subscribe\r\n/i.test(data.toString())) subscribes = true
      server.write(data)
    })
    server.on('data', data => {
      if (!(subscribes && this.swallows)) client.write(data)
    })
    if (this.#refuses) client.destroy()
  }
}
