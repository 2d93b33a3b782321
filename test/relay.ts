/**
 * A TCP relay in front of the database: it can cut all connections at any moment (answers get lost,
 * writes may not), and show what is sent.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { deserialize, type Document } from 'bson'
import type { Test } from 'tap'
import { OP_MSG, SECTIONS_AT, splitMessages } from './wire-messages.js'

export interface Relay {
  url: string
  cut: () => void
}

/** Reads the commands out of wire messages: OP_MSG with one body section and document sequences. */
function commandReader (see: (command: Document) => void): (chunk: Buffer) => void {
  return splitMessages(message => {
    if (message.readInt32LE(12) !== OP_MSG) return
    const command: Document = {}
    for (let at = SECTIONS_AT; at < message.length;) {
      const kind = message[at++]
      const size = message.readInt32LE(at)
      if (kind === 0) Object.assign(command, deserialize(message.subarray(at, at + size)))
      else {
        const nameEnd = message.indexOf(0, at + 4)
        const documents: Document[] = []
        for (let from = nameEnd + 1; from < at + size; from += message.readInt32LE(from)) {
          documents.push(deserialize(message.subarray(from, from + message.readInt32LE(from))))
        }
        command[message.toString('utf8', at + 4, nameEnd)] = documents
      }
      at += size
    }
    see(command)
  })
}

export async function relay (t: Test, url: string, see?: (command: Document) => void): Promise<Relay> {
  const address = decodeURIComponent(/^mongodb:\/\/([^/]+)/.exec(url)![1]!)
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const [host, port] = address.split(':')
    const upstream = address.endsWith('.sock') ? connect(address) : connect(Number(port), host)
    if (see !== undefined) client.on('data', commandReader(see))
    for (const [from, to] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(() => {
    server.close()
    cut()
  })
  return {
    url: url.replace(/^mongodb:\/\/[^/]+/, `mongodb://127.0.0.1:${(server.address() as AddressInfo).port}`),
    cut
  }
}
