import type { Socket } from 'node:net'

/** The most bytes that each may hold. */
export interface AnswerBounds {
  connection: number
  user: number
  address: number
  all: number
}

/** The bound that is exceeded. */
export type Scope = keyof AnswerBounds

/**
 * What a request holds in memory, from its first header until the system took its answer or the answer was
 * dropped.
 */
export interface Charge {
  readonly connection: AnswerConnection
  readonly address: string
  user: string | undefined
  bytes: number
  /** `working` until the answer is made, `answered` until the system took it, then `released` */
  state: 'working' | 'answered' | 'released'
}

/** A connection and its requests whose answers the system has not taken yet. */
export interface AnswerConnection {
  readonly socket: Pick<Socket, 'destroy'>
  readonly charges: Set<Charge>
  bytes: number
  /** time (monotonic, milliseconds) since when it has always held an answer */
  since: number
  closed: boolean
}

/**
 * An answer that waits for longer may be dropped if its memory is needed. A client at 7 Mbit/s reads the
 * largest answer (4 MiB) within this time. Slower ones lose it only when the server is at its bound.
 */
const STALE_MS = 5_000

/**
 * Small answers may exceed a shared bound by this factor. Refusals are answers too: a connection that exceeds
 * a bound by more is closed.
 */
const HARD_SHARE = 1.25

/** The size of a small request with its answer: a message with its headers takes up to 50 KB. */
const SMALL_BYTES = 64 * 1024

/**
 * Counts the memory that requests hold: for each connection, user and address, and in all. Every operation
 * takes constant time, except making room, which walks over the connections that hold answers.
 */
export class UnreadAnswers {
  readonly #bounds: AnswerBounds
  readonly #users = new Map<string, number>()
  readonly #addresses = new Map<string, number>()
  /** Connections that hold an answer, the oldest first. */
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

  /** Makes a connection without requests. Call `close` when it ends. */
  connection (socket: Pick<Socket, 'destroy'>): AnswerConnection {
    return { socket, charges: new Set(), bytes: 0, since: 0, closed: false }
  }

  /** Begins a request that holds so many bytes. */
  begin (connection: AnswerConnection, address: string, bytes: number): Charge {
    const charge: Charge = { connection, address, user: undefined, bytes: 0, state: 'working' }
    connection.charges.add(charge)
    this.#add(charge, bytes)
    return charge
  }

  /** Counts a request for its user too, once the user is known. */
  identify (charge: Charge, user: string): void {
    charge.user = user
    add(this.#users, user, charge.bytes)
  }

  /** The answer is made: its request holds so many bytes until `release`, or until its connection closes. */
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

  /** The system took the answer, or never will. */
  release (charge: Charge): void {
    if (charge.state === 'released') return
    this.#add(charge, -charge.bytes)
    charge.state = 'released'
    const { connection } = charge
    connection.charges.delete(charge)
    if (answerOf(connection) === undefined) this.#holding.delete(connection)
  }

  /** A connection has ended. Requests in work count until their answers are made and dropped. */
  close (connection: AnswerConnection): void {
    connection.closed = true
    for (const charge of connection.charges) {
      if (charge.state === 'answered') this.release(charge)
    }
  }

  /**
   * Checks which bound is exceeded if a request takes more bytes; undefined if none is. If it is the bound of
   * the address or of all, connections are closed to make room: first those of users and addresses that hold
   * more than the caller would, the heaviest first; then those that have held an answer for longer than
   * STALE_MS, the oldest first.
   */
  excess (charge: Charge, more = 0): Scope | undefined {
    const own = this.ownExcess(charge, more)
    if (own !== undefined) return own
    const { address } = charge
    const share = charge.bytes + more <= SMALL_BYTES ? HARD_SHARE : 1
    const addressFits = () => (this.#addresses.get(address) ?? 0) + more <= this.#bounds.address * share
    if (!addressFits() && !this.#makeRoom(charge, more, addressFits, address)) return 'address'
    const allFits = () => this.#bytes + more <= this.#bounds.all * share
    if (!allFits() && !this.#makeRoom(charge, more, allFits)) return 'all'
    return undefined
  }

  /**
   * Which own bound, of its connection or its user, a request exceeds if it takes more bytes; undefined if
   * none.
   */
  ownExcess ({ connection, user }: Charge, more: number): Scope | undefined {
    if (connection.bytes + more > this.#bounds.connection) return 'connection'
    if (user !== undefined && this.#users.get(user)! + more > this.#bounds.user) return 'user'
    return undefined
  }

  /** Whether a bound is exceeded by so much that even a refusal is too much. */
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

  #makeRoom (asking: Charge, more: number, fits: () => boolean, address?: string): boolean {
    while (!fits()) {
      const victim = this.#heavier(asking, more, address) ?? this.#stale(asking, address)
      if (victim === undefined) return false
      victim.socket.destroy()
      this.close(victim)
    }
    return true
  }

  /**
   * The oldest connection of the user or address that holds most, if that is more than the asking one would
   * hold.
   */
  #heavier (asking: Charge, more: number, address?: string): AnswerConnection | undefined {
    let most = this.#heldBy(asking) + more
    let heaviest: AnswerConnection | undefined
    for (const connection of this.#holding) {
      const answer = answerOf(connection, address)
      if (answer === undefined || this.#heldBy(answer) <= most) continue
      most = this.#heldBy(answer)
      heaviest = connection
    }
    return heaviest
  }

  /** Bytes of the user of a request; of its address if it has no user. */
  #heldBy ({ user, address }: Charge): number {
    return (user === undefined ? this.#addresses.get(address) : this.#users.get(user)) ?? 0
  }

  #stale (asking: Charge, address?: string): AnswerConnection | undefined {
    const staleSince = this.#now() - STALE_MS
    for (const connection of this.#holding) {
      if (connection.since > staleSince) return undefined
      if (connection !== asking.connection && answerOf(connection, address) !== undefined) return connection
    }
    return undefined
  }
}

/** An answer that a connection holds; one of this address if it is given. */
function answerOf (connection: AnswerConnection, address?: string): Charge | undefined {
  for (const charge of connection.charges) {
    if (charge.state === 'answered' && (address === undefined || charge.address === address)) return charge
  }
  return undefined
}

/** Adds to a sum, and forgets sums of 0. */
function add (sums: Map<string, number>, key: string, bytes: number): void {
  const sum = (sums.get(key) ?? 0) + bytes
  if (sum === 0) sums.delete(key)
  else sums.set(key, sum)
}
