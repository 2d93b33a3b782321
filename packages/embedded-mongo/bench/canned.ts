import { createServer } from 'node:net'
import { BSON, ObjectId } from 'mongodb'
import type { Plain } from '../src/bson-value.js'
import { hello } from '../src/hello.js'
import { OP_MSG, OP_QUERY, headerOf, reply } from '../src/wire.js'

/**
 * A server that does no work: it answers every `find` with the same document. What remains is the time of the
 * driver and the system. The first argument is the path of its socket.
 */
const doc = {
  _id: new ObjectId(),
  conversation: 'c0',
  seq: 0,
  sender: 'user0',
  message: 'x'.repeat(120),
  createdAt: new Date(),
  clientId: '0'
}
const answers: Record<string, Plain> = {
  hello: hello('hello', 1),
  ping: { ok: 1 },
  find: { cursor: { firstBatch: [Buffer.from(BSON.serialize(doc))], id: 0n, ns: 'bench.messages' }, ok: 1 },
  endSessions: { ok: 1 }
}
const first = reply({ id: 0, opCode: OP_QUERY }, hello('isMaster', 1) as Record<string, Plain>)
const canned = new Map(
  Object.entries(answers).map(([name, answer]) => [
    name,
    reply({ id: 0, opCode: OP_MSG }, answer as Record<string, Plain>)
  ])
)
// The driver sends one command at a time on a connection, and these are small enough to arrive whole.
createServer(socket =>
  socket
    .on('data', message => {
      const { id, opCode } = headerOf(message)
      const answer = Buffer.from(
        opCode === OP_QUERY
          ? first
          : (canned.get(message.toString('latin1', 26, message.indexOf(0, 26))) as Buffer)
      )
      answer.writeInt32LE(id, 8)
      socket.write(answer)
    })
    .on('error', () => {})
).listen(process.argv[2], () => {
  console.log(`mongodb://${encodeURIComponent(process.argv[2] as string)}/?directConnection=true`)
})
