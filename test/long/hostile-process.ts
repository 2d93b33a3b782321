/** Starts and stops the attackers of hostile-clients.ts. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import type { HostileMessage, Orders, Report } from './hostile-clients.js'

const PROGRAM = join(import.meta.dirname, 'hostile-clients.js')
/** Requests under way are given up at once; sockets close a moment later. */
const LEAVE_MS = 10_000

export class HostileProcess {
  readonly #child: ChildProcess
  readonly #left: Promise<void>
  report: Report = {}

  constructor (orders: Orders) {
    this.#child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    // Attackers have machines of their own: here they get what the server and honest people leave.
    setPriority(this.#child.pid!, constants.priority.PRIORITY_BELOW_NORMAL)
    this.#child.send(orders)
    this.#left = new Promise((resolve, reject) => {
      this.#child.on('message', ({ report, left }: HostileMessage) => {
        this.report = report
        if (left) resolve()
      })
      this.#child.on('exit', code => {
        reject(new Error(`the attackers ended with ${code}`))
      })
    })
    // Whoever stops them is told.
    this.#left.catch(() => {})
  }

  /** Ends the attack. @returns what was done, by attack */
  async stop (): Promise<Report> {
    if (this.#child.connected) this.#child.send('stop')
    let overdue: NodeJS.Timeout | undefined
    try {
      await Promise.race([
        this.#left,
        new Promise(resolve => {
          overdue = setTimeout(resolve, LEAVE_MS)
        })
      ])
    } finally {
      clearTimeout(overdue)
      await this.kill()
    }
    return this.report
  }

  async kill (): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}
