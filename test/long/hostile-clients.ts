/**
 * The attackers, in a process of their own (see hostile-process.ts). They attack at whatever rate the server
 * lets them, until they are told to stop.
 */
import { setMaxListeners } from 'node:events'
import { constants, setPriority } from 'node:os'
import type { Account } from './accounts.js'
import { ATTACKS, type AttackName } from './attacks/index.js'
import { Hostile, type Target } from './attacks/hostile.js'
import { Tally, type TallyReport } from './attacks/tally.js'

export interface Orders {
  target: Target
  accounts: Account[]
  /** how often each account does it at the same time */
  attacks: Partial<Record<AttackName, number>>
}
export type Report = Partial<Record<AttackName, TallyReport>>
/** What the attackers say: each second how far they are, and at last that all of them left. */
export interface HostileMessage {
  report: Report
  left: boolean
}

const REPORT_MS = 1_000
/** Attackers do not all begin in the same turn. */
const SPREAD_MS = 1_000

// Attackers bring their own processors. Here they would take the server's.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)

const tallies = new Map<AttackName, Tally>()
const over = new AbortController()
// Each worker listens for the end.
const { signal } = over
setMaxListeners(0, signal)

function report (): Report {
  return Object.fromEntries([...tallies].map(([name, tally]) => [name, tally.report()]))
}

async function attack ({ target, accounts, attacks }: Orders): Promise<void> {
  const names = Object.keys(attacks) as AttackName[]
  for (const name of names) tallies.set(name, new Tally())
  await Promise.all(
    accounts.flatMap(account =>
      names.map(async name => {
        const hostile = new Hostile(target, account, tallies.get(name)!, signal)
        await Promise.all(
          Array.from({ length: attacks[name]! }, async () => {
            await hostile.pause(Math.random() * SPREAD_MS)
            await ATTACKS[name](hostile)
          })
        )
        hostile.close()
      })
    )
  )
}

function tell (left: boolean): void {
  if (process.connected) process.send!({ report: report(), left } satisfies HostileMessage)
}

process.once('message', async (orders: Orders) => {
  process.once('message', () => {
    over.abort()
  })
  const reporting = setInterval(() => {
    tell(false)
  }, REPORT_MS)
  await attack(orders)
  clearInterval(reporting)
  tell(true)
})
// Whoever started this is gone.
process.on('disconnect', () => process.exit())
