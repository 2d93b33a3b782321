/** The attacks that are measured, one at a time: one account, within the default limits. */
import type { Account } from '../../test/long/accounts.js'
import { LONGEST } from '../../test/long/accounts.js'
import type { AttackName } from '../../test/long/attacks/index.js'
import type { Target } from '../../test/long/attacks/hostile.js'
import { fillerName, type Filler } from '../../test/long/fill.js'

export interface Case {
  finding: string
  attack: AttackName
  /** how often it is done at the same time */
  copies: number
  prepare?: (filler: Filler, attacker: Account, target: Target) => Promise<void>
}

const USERS = 50_000
const PAGE = 1_000
/** Messages of a conversation, and those that were read: the unread ones are the last few hundred. */
const MESSAGES = 20_000
const READ = 19_500

async function manyUsers (filler: Filler, _attacker: Account, target: Target): Promise<void> {
  await filler.users(USERS)
  target.pages = { first: fillerName(-1), last: fillerName(USERS - PAGE - 1) }
}

export const CASES: readonly Case[] = [
  { finding: 'C1', attack: 'C1 resume floods', copies: 1 },
  {
    finding: 'C2',
    attack: 'C2 unread pages',
    copies: 140,
    async prepare (filler, attacker, target) {
      const [other] = await filler.users(1)
      await filler.conversation(attacker.id, other!, 1_000, LONGEST)
      target.full[attacker.id] = [other!]
    }
  },
  {
    finding: 'H4',
    attack: 'H4 silent readers',
    copies: 20,
    async prepare (filler, attacker, target) {
      const others = await filler.users(8)
      for (const other of others) await filler.conversation(attacker.id, other, 200, LONGEST)
      target.full[attacker.id] = others
    }
  },
  { finding: 'M1', attack: 'M1 password changes', copies: 1 },
  {
    finding: 'M3',
    attack: 'M3 inbox',
    copies: 1,
    async prepare (filler, attacker) {
      const [other] = await filler.users(1)
      await filler.conversation(other!, attacker.id, MESSAGES, 'unread', READ)
    }
  },
  { finding: 'M4 first page', attack: 'M4 first page', copies: 1, prepare: manyUsers },
  { finding: 'M4 last page', attack: 'M4 last page', copies: 1, prepare: manyUsers },
  {
    finding: 'M5',
    attack: 'M5 resume loops',
    copies: 20,
    async prepare (filler, attacker) {
      // As many as `resumed` lists.
      for (const other of await filler.users(50)) await filler.conversation(other, attacker.id, 1, 'listed')
    }
  }
]
