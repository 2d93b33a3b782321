/** Ten accounts of attackers, and all that they need in the database. */
import { register, LONGEST, type Account } from './accounts.js'
import type { Target } from './attacks/hostile.js'
import { Caller } from './caller.js'
import { Filler } from './fill.js'
import type { Orders } from './hostile-clients.js'

const ACCOUNTS = 10
/** More of the longest messages than a page or a queue may hold. */
const FULL = 128
/** Of which a repeat of the first brings all to a fresh socket. */
const TO_REPEAT = 1_000
/** So that paging through all of them takes a while: 1 KiB each, and 10 pages. */
const USERS = 10_000
const AVATAR = Buffer.alloc(1024, '<svg/>').toString('base64')
/** The most that one `watch` names. */
const WATCHED = 200

/** What each account does at the same time: 19 sockets of the 20 that it may have, and requests. */
const ATTACKS: Orders['attacks'] = {
  'C1 resume floods': 1,
  'C2 unread pages': 30,
  'H4 silent readers': 7,
  'L4 upgrades on /health': 1,
  'L4 probes': 1,
  'L11 costly avatars': 1,
  'M1 password changes': 1,
  'M1 logins': 1,
  'M3 inbox': 1,
  'M4 allusers to the end': 1,
  'M5 resume loops': 7,
  'M6 frames above the rate': 1,
  'M7 repeats': 1,
  'long messages': 1,
  'typing, watch, marks': 1,
  'malformed frames': 1,
  'connection churn': 1
}

/**
 * Registers the attackers, each from an address of its own, and fills the database with what they use.
 * @param only the attacks whose names begin so; all where it is not given
 */
export async function gatherAttackers (
  origin: string, dataDir: string, victims: string[], only: string[] = ['']
): Promise<Orders> {
  const accounts: Account[] = []
  for (let n = 0; n < ACCOUNTS; n++) {
    const caller = new Caller(origin, `127.0.1.${n + 1}`)
    accounts.push(await register(caller, `hostile${n}`))
    caller.close()
  }
  const filler = await Filler.connect(dataDir)
  const users = await filler.users(USERS, AVATAR)
  const pages = { first: '', last: '' }
  const target: Target = { origin, victims, watched: users.slice(0, WATCHED), pages, repeats: {}, full: {} }
  for (const [n, { id }] of accounts.entries()) {
    target.full[id] ??= []
    for (const { id: other } of accounts.slice(n + 1)) {
      await filler.conversation(id, other, FULL, LONGEST)
      target.full[id].push(other)
      target.full[other] = [...target.full[other] ?? [], id]
    }
    // The last of them, whose sockets are cut and come anew.
    const reciver = victims.at(-1 - n % victims.length)!
    const { clientId, message } = await filler.conversation(id, reciver, TO_REPEAT, 'once more')
    target.repeats[id] = { reciver, clientId, message }
  }
  await filler.close()
  const isChosen = (name: string) => only.some(beginning => name.startsWith(beginning))
  const attacks = Object.fromEntries(Object.entries(ATTACKS).filter(([name]) => isChosen(name)))
  return { target, accounts, attacks }
}
