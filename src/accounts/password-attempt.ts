/** Whose work the hash of a password is: what decides how long it waits, and behind whom. */
export interface PasswordTurn {
  /** The account's key, whether there is such an account or not. */
  account: string
  /** Where the request comes from: an IPv4 address or an IPv6 /48. */
  network: string
  /** A session or address that showed the account's password before; undefined for a stranger. */
  known: string | undefined
}

/** An attempt to show a password, and what has to happen on its way. */
export interface Attempt extends PasswordTurn {
  /** Called when the account's other attempts are over: may throw, and slows the attempt down. */
  waits?: () => Promise<void>
  /** Called just before the hash is computed; may throw. */
  begins?: () => Promise<void>
  /**
   * Called before the account's next attempt has its turn, so that attempts at the same time count each
   * other.
   */
  ended?: (right: boolean) => Promise<void>
}
