/** Which users have a socket in which process. Every function rejects where that cannot be asked now. */
export interface Registry {
  /**
   * This process has sockets of these users; to be repeated every REFRESH_MS.
   * @returns those who have sockets in other processes too
   */
  enter (users: string[]): Promise<Set<string>>
  /**
   * This process has no socket of a user any more.
   * @returns whether another process has one
   */
  leave (user: string): Promise<boolean>
  /** Those of some users who have a socket in any process. */
  online (users: string[]): Promise<Set<string>>
}

/** Milliseconds between two repeats. */
export const REFRESH_MS = 10_000
/** What a process said counts for this time, in milliseconds: a killed process leaves no ghosts. */
export const REGISTRY_TTL_MS = 40_000
