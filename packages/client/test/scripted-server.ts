/** A client whose server is played by the test, frame by frame, on a clock that the test moves. */
import type { Test } from 'tap'
import type { ChangeFrame, ClientFrame, HelloFrame, Message, ServerFrame } from 'chat-protocol'
import {
  ChatClient, conversationOf, type ChatClientOptions, type ChatError, type StateChange
} from '../src/index.js'
import { userId } from './model.js'
import { fakeFetch, socketClass, World, type Pipe } from './world.js'

export const [me, bela] = [userId(1), userId(2)]
export const talk = conversationOf(me, bela)
export const LIMITS: HelloFrame['limits'] = { frameBytes: 4096, messageChars: 100, ratePerSecond: 0 }
const NOW = '2024-01-31T12:00:00.000Z'

type Frame<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>

interface ScriptOptions extends Partial<ChatClientOptions> {
  /** what `hello` announces */
  limits?: typeof LIMITS
  /** whether the server says hello on its own */
  greet?: boolean
  /** answers the client's HTTP requests */
  page?: (path: string, query: URLSearchParams) => { status: number, body: unknown } | undefined
}

/** A message from Bela to the client's user. */
export function message (seq: number, about: Partial<Message> = {}): Message {
  return {
    _id: userId(1000 + seq),
    conversation: talk,
    seq,
    rev: seq,
    message: `number ${seq}`,
    sender: bela,
    reciver: me,
    createdAt: NOW,
    ...about
  }
}

interface Listed { id: string, lastSeq: number, lastRev?: number, read?: number, delivered?: number }

export function resumed (conversations: Listed[] = []): ServerFrame {
  return {
    type: 'resumed',
    conversations: conversations.map(({ id, lastSeq, lastRev = lastSeq, read = 0, delivered = 0 }) => {
      return { id, kind: 'direct', user: bela, lastSeq, lastRev, read, delivered }
    })
  }
}

/** What the client did, and what the server does next. */
class Script {
  readonly world = new World(3)
  /** frames of the client */
  readonly said: ClientFrame[] = []
  readonly connections: Pipe[] = []
  /** paths with queries of the client's HTTP requests */
  readonly asked: string[] = []
  readonly got: Message[] = []
  readonly changes: ChangeFrame[] = []
  /** conversations that the client says it left */
  readonly left: string[] = []
  readonly states: StateChange[] = []
  readonly errors: ChatError[] = []
  readonly client: ChatClient

  constructor ({ limits = LIMITS, greet = true, page = () => undefined, ...rest }: ScriptOptions) {
    const { world } = this
    this.client = new ChatClient({
      url: 'http://server.test/base/',
      token: 'secret',
      clock: world,
      random: () => 0.5,
      WebSocket: socketClass(world, pipe => this.#accept(pipe, greet ? limits : undefined), 1),
      fetch: fakeFetch(world, (path, query) => {
        this.asked.push(`${path}?${query}`)
        return page(path, query)
      }, 1),
      ...rest
    })
    this.client.on('message', value => this.got.push(value))
    this.client.on('change', value => this.changes.push(value))
    this.client.on('left', ({ conversation }) => this.left.push(conversation))
    this.client.on('state', value => this.states.push(value))
    this.client.on('error', value => this.errors.push(value))
  }

  #accept (pipe: Pipe, limits: typeof LIMITS | undefined) {
    this.connections.push(pipe)
    if (limits !== undefined) {
      pipe.down({ type: 'hello', user: me, session: 's', heartbeatMs: 25_000, limits, now: NOW })
    }
    const receive = (frame: ClientFrame): void => {
      this.said.push(frame)
    }
    return { receive, gone: () => {} }
  }

  /** The numbers of the messages that the client handed on. */
  readonly seqs = (): number[] => this.got.map(({ seq }) => seq)

  /** The client's frames of a type. */
  readonly all = <T extends ClientFrame['type']>(type: T): Frame<T>[] =>
    this.said.filter((frame): frame is Frame<T> => frame.type === type)

  /** The server sends frames on the present connection. */
  readonly tell = async (...frames: ServerFrame[]): Promise<void> => {
    for (const frame of frames) this.connections.at(-1)!.down(frame)
    await this.world.pass(10)
  }

  /** The client connects, and its resume is answered with these conversations. */
  readonly start = async (conversations: Listed[] = []): Promise<void> => {
    this.client.connect()
    await this.world.pass(10)
    await this.tell(resumed(conversations))
  }

  readonly cut = async (): Promise<void> => {
    this.connections.at(-1)!.cut()
    await this.world.pass(10)
  }
}

/** A client and the test as its server; the client is closed with the test. */
export function script (t: Test, options: ScriptOptions = {}): Script {
  const script = new Script(options)
  t.teardown(() => script.client.close())
  return script
}
