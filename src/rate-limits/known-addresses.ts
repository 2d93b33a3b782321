import { cacheOf } from '../cache.js'

/** Accounts whose addresses are remembered. The least recently used are forgotten first. */
const ACCOUNTS = 20_000
/** An address stays known for as long as a session lives by default. */
const KNOWN_MS = 30 * 24 * 60 * 60 * 1_000
/**
 * Known addresses of one account; the newest stay. Without this bound one account could push out those of all
 * others.
 */
const ADDRESSES_PER_ACCOUNT = 8

/** Remembers the addresses from which somebody used the right password of an account. */
export class KnownAddresses {
  readonly #byAccount = cacheOf<string[]>(ACCOUNTS, KNOWN_MS)

  add (account: string, address: string): void {
    const others = (this.#byAccount.get(account) ?? []).filter(known => known !== address)
    this.#byAccount.set(account, [address, ...others].slice(0, ADDRESSES_PER_ACCOUNT))
  }

  has (account: string, address: string): boolean {
    return this.#byAccount.get(account)?.includes(address) === true
  }
}
