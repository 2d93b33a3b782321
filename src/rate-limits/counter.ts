/** The state of a counter for one key. */
export interface Count {
  max: number
  remaining: number
  isExceeded: boolean
  /** seconds until the window of the key ends; 0 for an unused key */
  ttlInSeconds: number
}

/** Counts requests by a key that it takes from each of them. A limit that is switched off counts nothing. */
export interface Counter<Request> {
  count (request: Request): Promise<Count | undefined>
  /** Reads the state without counting. */
  read (request: Request): Promise<Count | undefined>
}
