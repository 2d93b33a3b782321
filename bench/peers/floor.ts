/**
 * The least that a chat server in Node does: `node:http` and `ws`, nothing checked, nothing stored. It keeps
 * messages as text in memory. `node floor.js` prints its address.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'

const NEWEST = 1_000

interface Conversation { seq: number, newest: string[] }
interface Sent { sender: string, reciver: string, message: string, clientId?: string }

const conversations = new Map<string, Conversation>()
const sockets = new Map<string, Set<WebSocket>>()
let users = 0

const conversationOf = (a: string, b: string) => a < b ? `${a}:${b}` : `${b}:${a}`

/** Keeps a message, pushes it to the receiver's sockets and returns its JSON. */
function store ({ sender, reciver, message, clientId }: Sent): string {
  const id = conversationOf(sender, reciver)
  let conversation = conversations.get(id)
  if (conversation === undefined) {
    conversation = { seq: 0, newest: [] }
    conversations.set(id, conversation)
  }
  const json = JSON.stringify({
    conversation: id, seq: ++conversation.seq, message, sender, reciver, createdAt: new Date(), clientId
  })
  conversation.newest.push(json)
  if (conversation.newest.length >= 2 * NEWEST) conversation.newest.splice(0, NEWEST)
  const frame = `{"type":"message","message":${json}}`
  for (const socket of sockets.get(reciver) ?? []) socket.send(frame)
  return json
}

function answer (response: ServerResponse, status: number, text: string): void {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  response.writeHead(status, headers).end(text)
}

function history (url: string): string {
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1))
  const conversation = conversations.get(conversationOf(query.get('sender')!, query.get('reciver')!))
  const newest = conversation?.newest.slice(-Number(query.get('limit') ?? NEWEST)) ?? []
  return `{"success":"success","data":[${newest.join(',')}]}`
}

function handle (request: IncomingMessage, response: ServerResponse, body: string): void {
  const { url = '', method } = request
  if (method === 'GET') {
    answer(response, 200, history(url))
  } else if (url === '/api/v1/addmsg') {
    answer(response, 201, `{"success":"success","data":${store(JSON.parse(body))}}`)
  } else {
    const id = (++users).toString(16).padStart(24, '0')
    answer(response, 201, JSON.stringify({ data: { _id: id }, token: id }))
  }
}

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', chunk => (body += chunk))
  request.on('end', () => handle(request, response, body))
})

new WebSocketServer({ server, path: '/ws', perMessageDeflate: false }).on('connection', (ws, request) => {
  const user = request.headers.authorization!.slice('Bearer '.length)
  const own = sockets.get(user) ?? new Set()
  sockets.set(user, own.add(ws))
  ws.on('close', () => own.delete(ws))
  ws.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString())
    const json = store({ ...frame, sender: user })
    ws.send(`{"type":"ack","clientId":"${frame.clientId}","message":${json}}`)
  })
  ws.send('{"type":"hello"}')
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
