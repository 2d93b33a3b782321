/** Every attack by its name: the number of its finding and what it does. */
import type { Hostile } from './hostile.js'
import * as requests from './requests.js'
import * as sockets from './sockets.js'

export type Attack = (hostile: Hostile) => Promise<void>

export const ATTACKS = {
  'C1 resume floods': sockets.resumeFlood,
  'C2 unread pages': requests.unreadPage,
  'H4 silent readers': sockets.silentReader,
  'L4 upgrades on /health': requests.healthUpgrades,
  'L4 probes': requests.probes,
  'L11 costly avatars': requests.avatars,
  'M1 password changes': requests.passwordChanges,
  'M1 logins': requests.logins,
  'M3 inbox': requests.inbox,
  'M4 allusers to the end': requests.allUsers,
  'M4 first page': requests.firstPage,
  'M4 last page': requests.lastPage,
  'M5 resume loops': sockets.resumeLoop,
  'M6 frames above the rate': sockets.framesAboveRate,
  'M7 repeats': requests.repeats,
  'long messages': requests.longMessages,
  'typing, watch, marks': sockets.smallFrames,
  'malformed frames': sockets.malformedFrames,
  'connection churn': sockets.churn
} satisfies Record<string, Attack>
export type AttackName = keyof typeof ATTACKS
