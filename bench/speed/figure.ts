/** What every figure has: its measures, and how one run of it on one server is made. */
import type { ChatSocket, User } from './chat-socket.js'
import { registerUsers, openSockets } from './client.js'
import type { Faults } from './ledger.js'
import type { Running, ServerName, Usage } from './processes.js'
import type { Settings } from './settings.js'

export interface Measure {
  key: string
  title: string
  unit: string
  /** whether more is better */
  higher: boolean
}

export interface Outcome {
  /** by key of the measure */
  values: Record<string, number>
  faults?: Faults
  /** share of a core that the load program itself used */
  load?: number
}

export interface Figure {
  name: string
  measures: Measure[]
  /** the servers that have it; all without this */
  servers?: readonly ServerName[]
  run (arena: Arena): Promise<Outcome>
}

export const measure = (key: string, title: string, unit: string, higher = false): Measure =>
  ({ key, title, unit, higher })

/** Conversations that are written at the same time, and as many users. */
export const LANES = 64
/** Messages of a run in one conversation: what one read of its history shows. */
export const LANE_MESSAGES = 1_000

/** A running server with users, for the figures of one round. */
export class Arena {
  readonly running: Running
  readonly settings: Settings
  /** half of them send and half receive: an HTTP message is pushed to the sender's own sockets too */
  readonly senders: User[]
  readonly receivers: User[]
  /** messages a second by socket, if they were measured in this round */
  socketSpeed: number | undefined
  #sockets: ChatSocket[] | undefined
  #runs = 0

  constructor (running: Running, settings: Settings, users: User[]) {
    this.running = running
    this.settings = settings
    this.senders = users.slice(0, LANES)
    this.receivers = users.slice(LANES)
  }

  static async open (running: Running, settings: Settings): Promise<Arena> {
    return new Arena(running, settings, await registerUsers(running, 2 * LANES))
  }

  /** Pairs of users that no earlier run of this arena used: conversation n is between pair n. */
  newPairs (): [User, User][] {
    const distance = this.#runs++
    if (distance >= LANES) throw new Error('more runs than there are pairs of users')
    return this.senders.map((user, n) => [user, this.receivers[(n + distance) % LANES]!])
  }

  /** Has a socket for each receiver; their messages go to `onPush`. */
  async listen (onPush: (frame: string) => unknown): Promise<void> {
    this.#sockets ??= await openSockets(this.running, this.receivers)
    for (const socket of this.#sockets) socket.onPush = onPush
  }

  close (): void {
    for (const socket of this.#sockets ?? []) socket.close()
  }
}

/** Time and processor time of a server and of this program since the mark was made. */
export class Mark {
  readonly #running: Running
  readonly #usage: Usage
  readonly #own = process.cpuUsage()
  readonly #since = performance.now()

  constructor (running: Running) {
    this.#running = running
    this.#usage = running.usage()
  }

  stop (): { seconds: number, cpu: number, load: number } {
    const seconds = (performance.now() - this.#since) / 1_000
    const { user, system } = process.cpuUsage(this.#own)
    const cpu = this.#running.usage().cpu - this.#usage.cpu
    return { seconds, cpu, load: (user + system) / 1_000_000 / seconds }
  }
}
