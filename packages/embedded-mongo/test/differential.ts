// npm run test:differential -- URL [SEED]: compares the answers of the embedded server and another one.
//
// 1. Cases with the answer of MongoDB's manual (differential-cases.ts). The embedded server must give it. The
//    other server must too, unless the case says how it differs; then the difference is listed.
// 2. Seeded random operations: both servers must give the same answers, and store the same documents after
//    each.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { EJSON } from 'bson'
import { MongoClient, type Collection, type Db, type Document } from 'mongodb'
import { startEmbeddedMongo } from '../src/index.js'
import { cases } from './differential-cases.js'
import { differentialOperations } from './differential-operations.js'
import { random } from './seed.js'

const ROUNDS = 40
const OPERATIONS = 50

const url = process.argv[2] ?? process.env.MONGODB_URL
const seed = Number(process.argv[3] ?? process.env.TEST_SEED ?? Math.trunc(Math.random() * 2 ** 31))
if (!url) {
  console.error('usage: npm run test:differential -- mongodb://HOST:PORT [SEED]')
  process.exit(2)
}

const dir = mkdtempSync(join(tmpdir(), 'differential-'))
const embedded = await startEmbeddedMongo({ dir, noSync: true })
// A double instead of an int32 is a different answer.
const options = { promoteValues: false, serverSelectionTimeoutMS: 10_000 }
const [ours, other] = [new MongoClient(embedded.url, options), new MongoClient(url, options)]
const name = `differential_${process.pid}`
let failures = 0

function fail (title: string, ...details: string[]): void {
  failures++
  console.error(`not ok - ${title}`)
  for (const detail of details) console.error(`    ${detail}`)
}

const shown = (value: unknown): string =>
  EJSON.stringify(value instanceof Set ? [...value].sort() : value, { relaxed: false })

/** Replaces the documents and indexes. */
async function fresh (db: Db, docs: Document[] = [], indexes: Document[] = []): Promise<Collection> {
  const items = db.collection('items')
  await items.drop().catch(() => {})
  await db.createCollection('items')
  if (docs.length) await items.insertMany(docs)
  for (const { key, ...more } of indexes) await items.createIndex(key, more)
  return items
}

async function runCases (): Promise<void> {
  for (const { section, rule, docs, indexes, run, expect, secantusdb } of cases) {
    const title = `${section}: ${rule}`
    const answer = async (client: MongoClient) => {
      const db = client.db(name)
      return fresh(db, docs, indexes)
        .then(items => run(items, db))
        .catch((err: Error) => `unexpected ${err.message}`)
    }
    const [mine, theirs] = [await answer(ours), await answer(other)].map(shown)
    const right = shown(expect)
    if (mine !== right) fail(`${title} (embedded server)`, `answers ${mine}`, `expected ${right}`)
    if (theirs !== right && secantusdb) console.log(`# differs as known - ${title}: ${secantusdb}`)
    else if (theirs !== right) fail(`${title} (${url})`, `answers ${theirs}`, `expected ${right}`)
  }
}

async function runRandom (): Promise<void> {
  const operations = differentialOperations(random(seed))
  for (let round = 0; round < ROUNDS; round++) {
    const [left, right] = [await fresh(ours.db(name)), await fresh(other.db(name))]
    for (let i = 0; i < OPERATIONS; i++) {
      const { title, run } = operations()
      const outcome = async (items: Collection) => run(items).then(shown, err => `error ${err.code}`)
      const [mine, theirs] = await Promise.all([outcome(left), outcome(right)])
      const [held, holds] = await Promise.all(
        [left, right].map(async items => shown(await items.find({}, { sort: { _id: 1 } }).toArray()))
      )
      if (isDeepStrictEqual([mine, held], [theirs, holds])) continue
      const details = [`embedded ${mine}`, `other    ${theirs}`]
      if (held !== holds) details.push(`embedded holds ${held}`, `other    holds ${holds}`)
      return fail(`random operation ${i} of round ${round}, seed ${seed}: ${title}`, ...details)
    }
  }
}

try {
  await Promise.all([ours.connect(), other.connect()])
  await runCases()
  await runRandom()
  await other.db(name).dropDatabase()
} finally {
  await Promise.all([ours.close(), other.close()])
  await embedded.stop()
  rmSync(dir, { recursive: true, force: true })
}
if (!failures) {
  console.log(
    `ok - ${cases.length} cases and ${ROUNDS * OPERATIONS} random operations (seed ${seed}): ` +
      `the embedded server answers like ${url}, besides the differences above`
  )
}
process.exitCode = failures ? 1 : 0
