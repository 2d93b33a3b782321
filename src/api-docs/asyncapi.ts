/** The WebSocket protocol `chat.v1` as an AsyncAPI 3.0 document, made of the schemas that validate its frames. */
import type { TSchema } from '@sinclair/typebox'
import type { Config } from '../config.js'
import { CLOSE, MESSAGE_CHARS, SUBPROTOCOL, type ClientFrame, type ServerFrame } from 'chat-protocol'
import { CLIENT_FRAMES, Message, SERVER_FRAMES } from 'chat-protocol/schemas'
import { exampleOf, published } from './published.js'

/** What a frame of the client is answered with; frames that are not here are answered only if they are refused. */
const ANSWERS: { [T in ClientFrame['type']]?: ServerFrame['type'][] } = {
  send: ['ack'], resume: ['message', 'reset', 'resumed'], watch: ['presence'], ping: ['pong']
}

/** What the client tells an answer by, where several may be under way. */
const CORRELATED = new Set(['clientSend', 'serverAck', 'serverError'])

/** What is allowed, and what happens beyond it. */
export function frameLimits (config: Config): [what: string, limit: string, beyond: string][] {
  const off = (limit: number, text: string) => limit === 0 ? 'none' : text
  return [
    ['one frame', `${config.FRAME_BYTES} bytes of JSON text, uncompressed`, 'closed with 1009'],
    ['malformed or unknown frames', `${config.BAD_FRAMES} in a row`, '`error` each, then closed with 4400'],
    ['text of a message', `1 to ${MESSAGE_CHARS} code points, not only white space`, '`error` invalid'],
    ['frames a second', off(config.FRAME_RATE, `${config.FRAME_RATE}, in bursts of 3 seconds' worth`), '`error` rate_limited; closed with 4429 if it goes on'],
    ['bytes queued to a socket that does not read', `${config.QUEUE_BYTES}`, 'closed with 4408; resuming gives all that was missed'],
    ['missing messages of one conversation that a `resume` sends', `${config.RESUME_LIMIT}`, '`reset`; page the rest over HTTP'],
    ['sockets of one user', off(config.MAX_SOCKETS_PER_USER, `${config.MAX_SOCKETS_PER_USER}`), 'the oldest is closed with 4409'],
    ['sockets in all', off(config.MAX_SOCKETS, `${config.MAX_SOCKETS}`), '503 at the upgrade'],
    ['heartbeat', `a WebSocket ping about every ${config.HEARTBEAT_MS} ms`, `no pong in ${config.PONG_MS} ms: terminated`]
  ]
}

/** The codes of RFC 6455, 7.4.1 that a client meets, and our own. */
export const CLOSE_CODES: [code: number, meaning: string][] = [
  [CLOSE.unsupportedData, 'a binary frame: only text is read'],
  [1007, 'a text frame that is no UTF-8'],
  [1009, 'a frame above the limit'],
  [CLOSE.serviceRestart, 'the server restarts; `bye` said when to come back'],
  [CLOSE.malformed, 'too many malformed frames. Do not reconnect by yourself'],
  [CLOSE.sessionEnded, 'the session has ended. Do not reconnect by yourself: log in'],
  [CLOSE.slowReader, 'the client reads too slowly; reconnect and resume'],
  [CLOSE.tooManySockets, 'the user opened more sockets than are allowed; the oldest goes. Do not reconnect by yourself'],
  [CLOSE.rateLimited, 'frames went on coming above the limit']
]

export const INTRODUCTION = [
  'Every conversation is a log: its messages are numbered `seq` 1, 2, 3 … without a gap. A socket sees each conversation in order, without gap and without ' +
    'duplicate, from where it resumed, whatever was cut, slow or restarted meanwhile.',
  'Frames are JSON text, each an object with a string `type`. A plain WebSocket client is enough. Unknown properties are ignored; nothing is coerced.',
  'Authenticate at the upgrade: `Authorization: Bearer TOKEN`, or the session cookie, or the subprotocols ' +
    `\`["${SUBPROTOCOL}", "bearer.TOKEN"]\`, of which the server selects \`${SUBPROTOCOL}\`; never in the URL. Bad or missing: 401. A foreign \`Origin\`: 403. Then comes \`hello\`.`,
  'A message is acknowledged once it is stored durably. If an `ack` does not come, send the same frame with the same `clientId` again: it is stored once.'
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

export interface FrameMessage { name: string, title: string, summary: string, payload: TSchema, examples: { payload: unknown }[] }

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

function operations () {
  const channel = { $ref: '#/channels/chat' }
  const received = Object.keys(CLIENT_FRAMES).map(type => [keyOf('client', type), {
    action: 'receive',
    channel,
    messages: [ref(keyOf('client', type))],
    reply: { channel, messages: [...ANSWERS[type as ClientFrame['type']] ?? [], 'error'].map(answer => ref(keyOf('server', answer))) }
  }])
  const sent = Object.keys(SERVER_FRAMES).map(type => [keyOf('server', type), {
    action: 'send', channel, messages: [ref(keyOf('server', type))]
  }])
  return Object.fromEntries([...received, ...sent])
}

/**
 * The document as /docs/asyncapi.json gives it. `receive` is what the server receives.
 * @param config whose limits are told
 */
export function asyncapi (config: Config) {
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
    servers: {
      self: {
        host: '{host}',
        protocol: 'ws',
        description: 'this server; `wss` behind TLS',
        variables: { host: { default: `localhost:${config.PORT}`, description: 'host and port' } },
        security: ['bearer', 'cookie', 'subprotocol'].map(name => ({ $ref: `#/components/securitySchemes/${name}` }))
      }
    },
    channels: {
      chat: {
        address: '/ws',
        title: SUBPROTOCOL,
        servers: [{ $ref: '#/servers/self' }],
        messages: Object.fromEntries([...messages('client', CLIENT_FRAMES), ...messages('server', SERVER_FRAMES)]),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } }
      }
    },
    operations: operations(),
    components: {
      schemas: { Message: published(Message, componentRef) },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'the `token` of register or login' },
        cookie: { type: 'httpApiKey', in: 'cookie', name: 'session', description: 'set by register and login; `__Host-session` behind TLS' },
        subprotocol: { type: 'httpApiKey', in: 'header', name: 'Sec-WebSocket-Protocol', description: `\`${SUBPROTOCOL}, bearer.TOKEN\`, for browsers, which can set no other header` }
      }
    }
  }
}
