// Races of processes for one data directory: a few rounds in ownership.test.ts, many in test/long.
import { readdirSync } from 'node:fs'
import { MongoClient } from 'mongodb'
import type { Test } from 'tap'
import { scratch, startProcess, type ServerProcess } from './helper.js'

/**
 * The files of a directory without an owner. The lock file stays: else two processes could lock two files.
 */
const LEFT = new Set(['data.mdb', 'data.mdb-lock', 'mongodb.lock'])

interface Starts {
  owners: ServerProcess[]
  reasons: string[]
}

/** Starts several servers at once. */
async function startMany (t: Test, dir: string, many: number): Promise<Starts> {
  const started = await Promise.allSettled(Array.from({ length: many }, () => startProcess(t, dir, 'noSync')))
  return {
    owners: started.filter(outcome => outcome.status === 'fulfilled').map(({ value }) => value),
    reasons: started.filter(outcome => outcome.status === 'rejected').map(({ reason }) => String(reason))
  }
}

/** Inserts one more document. */
async function insertOne (server: ServerProcess): Promise<void> {
  const client = await MongoClient.connect(server.url, { serverSelectionTimeoutMS: 5_000 })
  try {
    await client.db('owners').collection('acknowledged').insertOne({})
  } finally {
    await client.close()
  }
}

/** Throws unless the data has so many documents, and indexes that agree with them. */
async function check (server: ServerProcess, documents: number): Promise<void> {
  const client = await MongoClient.connect(server.url)
  try {
    const answer = await client.db('owners').command({ validate: 'acknowledged' })
    if (!answer.valid || answer.nrecords !== documents) {
      throw new Error(`${documents}: ${JSON.stringify(answer)}`)
    }
  } finally {
    await client.close()
  }
}

/** In each round an owner is killed, and exactly one of four processes that start at once takes over. */
export async function takeOvers (t: Test, rounds: number): Promise<void> {
  const dir = await scratch(t)
  let owner = await startProcess(t, dir, 'noSync')
  for (let round = 1; round <= rounds; round++) {
    await insertOne(owner)
    await owner.end('SIGKILL')
    const { owners, reasons } = await startMany(t, dir, 4)
    if (owners.length !== 1) throw new Error(`round ${round}: ${owners.length} owners, ${reasons.join()}`)
    owner = owners[0]!
    const other = reasons.find(reason => !reason.includes(`in use by process ${owner.child.pid}`))
    if (other !== undefined) throw new Error(`round ${round}: the owner is ${owner.child.pid}, but: ${other}`)
    await check(owner, round)
  }
  await owner.end()
  t.same(
    readdirSync(dir).filter(name => !LEFT.has(name)),
    [],
    'the last owner leaves nothing behind'
  )
}

/**
 * In each round an owner stops while other processes start until one is the owner; a third one is refused.
 */
export async function handOvers (t: Test, rounds: number): Promise<void> {
  const dir = await scratch(t)
  let owner = await startProcess(t, dir, 'noSync')
  for (let round = 1; round <= rounds; round++) {
    await insertOne(owner)
    const stopped = owner.end()
    let next: Starts = { owners: [], reasons: [] }
    while (next.owners.length === 0) next = await startMany(t, dir, 2)
    await stopped
    const third = await startMany(t, dir, 1)
    const owners = [...next.owners, ...third.owners]
    if (owners.length !== 1) throw new Error(`round ${round}: ${owners.length} owners`)
    owner = owners[0]!
    await check(owner, round)
  }
  await owner.end()
  t.pass(`${rounds} rounds`)
}
