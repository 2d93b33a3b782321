/**
 * Work on the database while no server uses it: `npm run db:setup`, `npm run db:check [-- --repair]` and
 * `npm run db:move -- FROM TO`. The first two use MONGODB_URL or DATA_DIR, as the server does.
 */
import { loadConfig } from './config.js'
import { createIndexes } from './database/indexes.js'
import { migrate } from './database/migrations.js'
import { check } from './maintenance/check.js'
import { move } from './maintenance/move.js'
import { openPlace } from './maintenance/places.js'
import { shardCommands } from './maintenance/sharding.js'

const USAGE = `usage: npm run db:setup                  indexes and migrations; then how to shard
       npm run db:check [-- --repair]    is the log without gaps, and does all agree with it?
       npm run db:move -- FROM TO        copy; each is a directory or mongodb://…
`
/** Milliseconds between two lines about the progress. */
const PROGRESS_MS = 1_000
/** Faults that are printed. */
const MAX_LINES = 100

function say (text: string): void {
  process.stdout.write(`${text}\n`)
}

function slowly (): (text: string) => void {
  let next = 0
  return text => {
    if (Date.now() < next) return
    next = Date.now() + PROGRESS_MS
    say(text)
  }
}

function configured (): string {
  const { MONGODB_URL, DATA_DIR } = loadConfig(process.env)
  return MONGODB_URL === '' ? DATA_DIR : MONGODB_URL
}

async function setUp (): Promise<void> {
  const { db, close } = await openPlace(configured())
  try {
    await migrate(db, { info: say })
    await createIndexes(db)
    say('the indexes are there, and the data has the form of this version')
    say(shardCommands(db.databaseName))
  } finally {
    await close()
  }
}

async function checkAll (repair: boolean): Promise<void> {
  const { db, close } = await openPlace(configured())
  try {
    const { conversations, entries, broken, derived } = await check(db, repair)
    say(`${entries} entries in ${conversations} conversations`)
    for (const line of broken.slice(0, MAX_LINES)) say(`broken: ${line}`)
    for (const line of derived.slice(0, MAX_LINES)) say(`${repair ? 'repaired' : 'differs'}: ${line}`)
    say(`${broken.length} faults of the log; ${derived.length} differences, ` +
      (repair ? 'repaired' : 'which --repair mends'))
    if (broken.length > 0 || (derived.length > 0 && !repair)) process.exitCode = 1
  } finally {
    await close()
  }
}

async function moveAll (from: string, to: string): Promise<void> {
  const source = await openPlace(from)
  try {
    const target = await openPlace(to)
    try {
      await move(source.db, target.db, slowly())
      say('all is copied, and every document is equal in both places')
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function main ([command, ...args]: string[]): Promise<void> {
  const [first, second] = args
  if (command === 'setup' && args.length === 0) await setUp()
  else if (command === 'check' && (args.length === 0 || first === '--repair')) {
    await checkAll(first === '--repair')
  } else if (command === 'move' && first !== undefined && second !== undefined) await moveAll(first, second)
  else {
    process.stderr.write(USAGE)
    process.exitCode = 2
  }
}

await main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})
