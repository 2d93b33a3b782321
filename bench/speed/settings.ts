/** What is measured, and how much of it. */

/** As `npm start` starts the server. */
export const HEAP_FLAGS = ['--max-semi-space-size=8']

export interface Settings {
  /** the server under test: its dist/src/server.js */
  script: string
  quick: boolean
  full: boolean
  /** messages that `stored` fills a database with */
  messages: number
  /** sockets of `storm` */
  stormSockets: number
}

/** Characters of a message that is sent for measuring. */
const TEXT_LENGTH = 80

/** The text of a message: run, conversation and number, which the ledger reads again. */
export function textOf (run: string, conversation: number, n: number): string {
  return `#${run}.${conversation}.${n}#`.padEnd(TEXT_LENGTH, ' message as long as people write them')
}
