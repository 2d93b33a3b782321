// What the tests of the official driver share.
import * as driver7 from 'mongodb'
import * as driver6 from 'mongodb6'
import type { Test } from 'tap'
import { start } from './helper.js'

export type Driver = Pick<typeof driver7, 'MongoClient' | 'MongoBulkWriteError' | 'Long'>
export interface Item {
  _id: number
  x?: number
  tag?: string
  list?: unknown[]
}
export interface Place {
  driver: Driver
  client: driver7.MongoClient
  db: driver7.Db
  items: driver7.Collection<Item>
  url: string
  commands: driver7.CommandStartedEvent[]
}

/** Starts a server and a client of this driver, and records its commands. */
export async function open (
  t: Test,
  driver: Driver,
  options: driver7.MongoClientOptions = {}
): Promise<Place> {
  const {
    url,
    db: { databaseName }
  } = await start(t)
  const client = new driver.MongoClient(url, { monitorCommands: true, ...options })
  t.teardown(() => client.close())
  const commands: driver7.CommandStartedEvent[] = []
  client.on('commandStarted', event => commands.push(event))
  const db = client.db(databaseName)
  return { driver, client, db, items: db.collection<Item>('items'), url, commands }
}

export const numbered = (count: number): Item[] =>
  Array.from({ length: count }, (_, _id) => ({ _id, x: _id % 10 }))

/** The error that the promise rejects with; throws if it does not reject. */
export async function failure (
  t: Test,
  work: Promise<unknown>
): Promise<driver7.MongoServerError & { writeErrors?: unknown }> {
  try {
    await work
  } catch (err) {
    return err as driver7.MongoServerError
  }
  t.fail('this must be refused')
  return new driver7.MongoServerError({ message: 'nothing was refused' })
}

export const DRIVERS: Array<[version: string, driver: Driver]> = [
  ['7', driver7],
  ['6', driver6 as unknown as Driver]
]
