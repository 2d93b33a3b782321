import type { App } from '../../../src/app.js'
import {
  conversationOf, type Person
} from '../../helper.js'
import { range } from '../../realtime/helper.js'

export const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31)

/** Everything of a conversation, as the database has it. */
export async function stored (app: App, a: Person, b: Person) {
  return await app.mongo
    .db!.collection('log')
    .find({ conversation: conversationOf(a.id, b.id) })
    .sort({ seq: 1 })
    .toArray()
}

export const upTo = (n: number) => range(1, n)
