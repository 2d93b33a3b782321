import type { Socket } from 'node:net'

/** Bytes at most, by who or what holds them. */
export interface AnswerBounds {
  connection: number
  user: number
  address: number
  all: number
}

/** What would be exceeded. */
export type Scope = keyof AnswerBounds

/**
 * What a request holds in memory, from its first header until its answer was handed to the system, or given
 * up.
 */
export interface Charge {
  readonly connection: AnswerConnection
  readonly address: string
  user: string | undefined
  bytes: number
  /** `working` until there is an answer, `answered` until it is taken, then `released` */
  state: 'working' | 'answered' | 'released'
}

/** A connection, as far as it has requests whose answers were not taken yet. */
export interface AnswerConnection {
  readonly socket: Pick<Socket, 'destroy'>
  readonly charges: Set<Charge>
  bytes: number
  /** milliseconds (monotonic) since when it has held an answer without a pause */
  since: number
  closed: boolean
}

/**
 * An answer that is not taken for so long may be given up where its place is needed. A client that reads
 * takes the largest answer (4 MiB) within this time at 7 Mbit/s; a slower one loses only where the bound of
 * all is reached.
 */
const STALE_MS = 5_000

/**
 * Refusals are answers too: a connection that makes a bound be exceeded by more than this share of it is
 * cut.
 */
const HARD_SHARE = 1.25

/**
 * Counts what requests hold in memory: for the connection, the user and the address that each belongs to,
 * and in all. Every operation takes constant time, but for making room, which looks at connections that are
 * cut then.
 */
export class UnreadAnswers {
  readonly #bounds: AnswerBounds
  readonly #users = new Map<string, number>()
  readonly #addresses = new Map<string, number>()
  /** Connections that hold an answer, the one that has held it longest first. */
  readonly #holding = new Set<AnswerConnection>()
  readonly #now: () => number
  #bytes = 0

  /**
   * @param bounds bytes at most in each scope
   * @param now a clock in milliseconds that never goes back
   */
  constructor (bounds: AnswerBounds, now: () => number = () => performance.now()) {
    this.#bounds = bounds
    this.#now = now
  }

  /** Bytes in all. */
  get bytes (): number { return this.#bytes }

  /** A connection without requests; tell `close` when it ends. */
  connection (socket: Pick<Socket, 'destroy'>): AnswerConnection {
    return { socket, charges: new Set(), bytes: 0, since: 0, closed: false }
  }

  /** Begins a request that holds this many bytes. */
  begin (connection: AnswerConnection, address: string, bytes: number): Charge {
    const charge: Charge = { connection, address, user: undefined, bytes: 0, state: 'working' }
    connection.charges.add(charge)
    this.#add(charge, bytes)
    return charge
  }

  /** Counts a request for its user as well, who is known after its beginning. */
  identify (charge: Charge, user: string): void {
    charge.user = user
    add(this.#users, user, charge.bytes)
  }

  /**
   * The answer goes out: the request holds this many bytes until `release`, or until its connection closes.
   */
  answer (charge: Charge, bytes: number): void {
    if (charge.state !== 'working') return
    this.#add(charge, bytes - charge.bytes)
    const { connection } = charge
    if (connection.closed) {
      this.release(charge)
      return
    }
    charge.state = 'answered'
    if (this.#holding.has(connection)) return
    connection.since = this.#now()
    this.#holding.add(connection)
  }

  /** The answer was taken, or will never be. */
  release (charge: Charge): void {
    if (charge.state === 'released') return
    this.#add(charge, -charge.bytes)
    charge.state = 'released'
    const { connection } = charge
    connection.charges.delete(charge)
    if (!holdsAnswer(connection)) this.#holding.delete(connection)
  }

  /**
   * A connection has ended. What is still being worked on counts until its answer is made and thrown away.
   */
  close (connection: AnswerConnection): void {
    connection.closed = true
    for (const charge of connection.charges) if (charge.state === 'answered') this.release(charge)
  }

  /**
   * What is exceeded if a request takes more bytes; undefined if nothing is. Where an address or all is,
   * connections that have held their answers for longer than STALE_MS are cut, the oldest first, until
   * there is room.
   */
  excess (charge: Charge, more = 0): Scope | undefined {
    const { connection, user, address } = charge
    if (connection.bytes + more > this.#bounds.connection) return 'connection'
    if (user !== undefined && this.#users.get(user)! + more > this.#bounds.user) return 'user'
    const addressFits = () => (this.#addresses.get(address) ?? 0) + more <= this.#bounds.address
    if (!addressFits() && !this.#makeRoom(charge, addressFits, address)) return 'address'
    const allFits = () => this.#bytes + more <= this.#bounds.all
    if (!allFits() && !this.#makeRoom(charge, allFits)) return 'all'
    return undefined
  }

  /** Whether a bound is exceeded by so much that not even a refusal may be added. */
  isFarOver (charge: Charge): boolean {
    const { connection, user, address } = charge
    return connection.bytes > this.#bounds.connection * HARD_SHARE ||
      (user !== undefined && (this.#users.get(user) ?? 0) > this.#bounds.user * HARD_SHARE) ||
      (this.#addresses.get(address) ?? 0) > this.#bounds.address * HARD_SHARE ||
      this.#bytes > this.#bounds.all * HARD_SHARE
  }

  #add (charge: Charge, bytes: number): void {
    charge.bytes += bytes
    charge.connection.bytes += bytes
    this.#bytes += bytes
    add(this.#addresses, charge.address, bytes)
    if (charge.user !== undefined) add(this.#users, charge.user, bytes)
  }

  #makeRoom (asking: Charge, fits: () => boolean, address?: string): boolean {
    const staleSince = this.#now() - STALE_MS
    for (const connection of this.#holding) {
      if (connection.since > staleSince) return false
      if (connection === asking.connection) continue
      if (address !== undefined && !holdsAnswer(connection, address)) continue
      connection.socket.destroy()
      this.close(connection)
      if (fits()) return true
    }
    return false
  }
}

function holdsAnswer (connection: AnswerConnection, address?: string): boolean {
  for (const charge of connection.charges) {
    if (charge.state === 'answered' && (address === undefined || charge.address === address)) return true
  }
  return false
}

/** Adds to a sum; sums of 0 are not kept. */
function add (sums: Map<string, number>, key: string, bytes: number): void {
  const sum = (sums.get(key) ?? 0) + bytes
  if (sum === 0) sums.delete(key)
  else sums.set(key, sum)
}
