/** Who the hash of a password is computed for. It decides in which queue the work waits. */
export interface PasswordTurn {
  /** The account's key, even if no such account exists. */
  account: string
  /** The sender's network: an IPv4 address or an IPv6 /48. */
  network: string
  /** A session or address that has used the right password before; undefined for a stranger. */
  known: string | undefined
}

/** An attempt to use a password, with hooks for its stages. */
export interface Attempt extends PasswordTurn {
  /** Called when the account's earlier attempts are over. It may throw, and may delay the attempt. */
  waits?: () => Promise<void>
  /** Called just before the hash is computed. It may throw. */
  begins?: () => Promise<void>
  /** Called before the account's next attempt begins, so that concurrent attempts count each other. */
  ended?: (right: boolean) => Promise<void>
}
