/**
 * The WebSocket protocol `chat.v1` as an AsyncAPI 3.0 document, made from the schemas that validate its
 * frames.
 */
import type { TSchema } from '@sinclair/typebox'
import type { Config } from '../config.js'
import { CLOSE, MESSAGE_CHARS, SUBPROTOCOL, type ClientFrame, type ServerFrame } from 'chat-protocol'
import { CLIENT_FRAMES, Message, SERVER_FRAMES } from 'chat-protocol/schemas'
import { exampleOf, published } from './published.js'

/**
 * The answers to frames of the client. Frames that are missing here are answered only if they are refused.
 */
const ANSWERS: { [T in ClientFrame['type']]?: ServerFrame['type'][] } = {
  send: ['ack'],
  edit: ['ack'],
  delete: ['ack'],
  react: ['ack'],
  resume: ['message', 'change', 'reset', 'resumed'],
  watch: ['presence'],
  ping: ['pong']
}

/** Frames with the field by which a client assigns answers to the frames that it sent. */
const CORRELATED = new Set([
  'clientSend', 'clientEdit', 'clientDelete', 'clientReact', 'serverAck', 'serverError'
])

/** The limits of a server, and what happens beyond them. */
export function frameLimits (config: Config): [what: string, limit: string, beyond: string][] {
  const off = (limit: number, text = `${limit}`) => limit === 0 ? 'none' : text
  const rate = `${config.FRAME_RATE}, in bursts of 3 seconds' worth`
  return [
    ['one frame', `${config.FRAME_BYTES} bytes of JSON text, uncompressed`, 'closed with 1009'],
    ['malformed or unknown frames', `${config.BAD_FRAMES} in a row`, '`error` each, then closed with 4400'],
    ['text of a message', `1 to ${MESSAGE_CHARS} code points, not only white space`, '`error` invalid'],
    ['frames a second', off(config.FRAME_RATE, rate),
      '`error` rate_limited; closed with 4429 if it continues'],
    ['bytes queued to a slow socket', `${config.QUEUE_BYTES}`,
      'closed with 4408; a resume sends all that was missed'],
    ['missing entries of one conversation that a `resume` sends', `${config.RESUME_LIMIT}`,
      '`reset`; page the rest over HTTP'],
    ['sockets of one user', off(config.MAX_SOCKETS_PER_USER), 'the oldest is closed with 4409'],
    ['sockets in all', off(config.MAX_SOCKETS), '503 at the upgrade'],
    ['heartbeat', `a WebSocket ping about every ${config.HEARTBEAT_MS} ms`,
      `terminated without a pong in ${config.PONG_MS} ms`]
  ]
}

/** RFC 6455, 7.4.1 */
const INVALID_UTF8 = 1007
const FRAME_TOO_BIG = 1009

/** The closing codes that a client meets. */
export const CLOSE_CODES: [code: number, meaning: string][] = [
  [CLOSE.unsupportedData, 'a binary frame: only text is read'],
  [INVALID_UTF8, 'a text frame that is not valid UTF-8'],
  [FRAME_TOO_BIG, 'a frame above the limit'],
  [CLOSE.serviceRestart, 'the server restarts; `bye` said when to come back'],
  [CLOSE.malformed, 'too many malformed frames. Do not reconnect automatically'],
  [CLOSE.sessionEnded, 'the session has ended. Do not reconnect automatically: log in'],
  [CLOSE.slowReader, 'the client reads too slowly; reconnect and resume'],
  [CLOSE.tooManySockets, 'the user opened too many sockets. Do not reconnect automatically'],
  [CLOSE.rateLimited, 'frames kept coming above the limit']
]

export const INTRODUCTION = [
  'Every conversation is a log: its messages are numbered `seq` 1, 2, 3 … without a gap. A socket gets ' +
    'each conversation in order, without gaps and duplicates, from the number where it resumed. That holds ' +
    'even if connections are cut, clients are slow or the server restarts.',
  'Frames are JSON text, each an object with a string `type`. A plain WebSocket client is enough. Unknown ' +
    'properties are ignored; nothing is coerced.',
  'Authenticate at the upgrade: with `Authorization: Bearer TOKEN`, with the session cookie, or with the ' +
    `subprotocols \`["${SUBPROTOCOL}", "bearer.TOKEN"]\`; the server selects \`${SUBPROTOCOL}\`. Never put ` +
    'the token in the URL. A wrong or missing token is answered 401, a foreign `Origin` 403. Then comes ' +
    '`hello`.',
  'A message is acknowledged once it is stored durably. If an `ack` does not come, send the same frame ' +
    'with the same `clientId` again: it is stored once.'
]

function description (config: Config): string {
  const table = (head: string[], rows: (string | number)[][]) =>
    [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
  return [
    ...INTRODUCTION,
    `## Limits\n\n${table(['what', 'limit', 'beyond it'], frameLimits(config))}`,
    `## Closing codes\n\n${table(['code', 'meaning'], CLOSE_CODES)}`
  ].join('\n\n')
}

export interface FrameMessage {
  name: string
  title: string
  summary: string
  payload: TSchema
  examples: { payload: unknown }[]
}

const keyOf = (side: 'client' | 'server', type: string) => `${side}${type[0]!.toUpperCase()}${type.slice(1)}`
const ref = (key: string) => ({ $ref: `#/channels/chat/messages/${key}` })
const componentRef = (id: string) => `#/components/schemas/${id}`

function messages (side: 'client' | 'server', frames: Record<string, TSchema>): [string, FrameMessage][] {
  return Object.entries(frames).map(([type, schema]) => {
    const key = keyOf(side, type)
    return [key, {
      name: type,
      title: `${type} (${side})`,
      summary: schema.description!,
      ...(CORRELATED.has(key) ? { correlationId: { location: '$message.payload#/clientId' } } : {}),
      payload: published(schema, componentRef),
      examples: [{ payload: exampleOf(schema, key) }]
    }]
  })
}

const CHANNEL = { $ref: '#/channels/chat' }

/** `receive` is what the server receives. */
function receiveOperation (type: string) {
  const answers = [...ANSWERS[type as ClientFrame['type']] ?? [], 'error']
  return {
    action: 'receive',
    channel: CHANNEL,
    messages: [ref(keyOf('client', type))],
    reply: { channel: CHANNEL, messages: answers.map(answer => ref(keyOf('server', answer))) }
  }
}

function sendOperation (type: string) {
  return { action: 'send', channel: CHANNEL, messages: [ref(keyOf('server', type))] }
}

function operations () {
  return Object.fromEntries([
    ...Object.keys(CLIENT_FRAMES).map(type => [keyOf('client', type), receiveOperation(type)]),
    ...Object.keys(SERVER_FRAMES).map(type => [keyOf('server', type), sendOperation(type)])
  ])
}

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'the `token` of register or login' },
  cookie: {
    type: 'httpApiKey',
    in: 'cookie',
    name: 'session',
    description: 'set by register and login; `__Host-session` behind TLS'
  },
  subprotocol: {
    type: 'httpApiKey',
    in: 'header',
    name: 'Sec-WebSocket-Protocol',
    description: `\`${SUBPROTOCOL}, bearer.TOKEN\`, for browsers, which cannot set another header`
  }
}

function server (port: number) {
  return {
    host: '{host}',
    protocol: 'ws',
    description: 'this server; `wss` behind TLS',
    variables: { host: { default: `localhost:${port}`, description: 'host and port' } },
    security: Object.keys(SECURITY_SCHEMES).map(name => ({ $ref: `#/components/securitySchemes/${name}` }))
  }
}

/**
 * Makes the document of /docs/asyncapi.json.
 * @param config the configuration whose limits it names
 */
export function asyncapi (config: Config) {
  const frames = [...messages('client', CLIENT_FRAMES), ...messages('server', SERVER_FRAMES)]
  return {
    asyncapi: '3.0.0',
    info: {
      title: `Chat App Server: ${SUBPROTOCOL}`,
      version: '1.0.0',
      description: description(config),
      license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' },
      tags: [{ name: 'chat' }]
    },
    defaultContentType: 'application/json',
    servers: { self: server(config.PORT) },
    channels: {
      chat: {
        address: '/ws',
        title: SUBPROTOCOL,
        servers: [{ $ref: '#/servers/self' }],
        messages: Object.fromEntries(frames),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } }
      }
    },
    operations: operations(),
    components: {
      schemas: { Message: published(Message, componentRef) },
      securitySchemes: SECURITY_SCHEMES
    }
  }
}
