/** Members who join, leave, change their roles and hand groups over. */
import type { Message } from 'chat-app-client'
import type { Person } from './chat-log.js'
import type { Room } from './entry-log.js'

/** A room while it is used; the members and their roles are those that this test asked for last. */
export interface LiveRoom extends Room {
  members: Map<Person, Role>
  messages: Message[]
  changing: boolean
}
export type Role = 'owner' | 'admin' | 'member'

/** Those who change members: people, chance, and requests that are repeated until there is an answer. */
interface Changing {
  people: readonly Person[]
  pick: <T>(list: readonly T[]) => T
  random: () => number
  ask: (
    who: Person, method: string, path: string, body?: object
  ) => Promise<{ status: number, body: unknown }>
}

/** What a change of a group expects, and what it does to the record of the members. */
interface Step { method: string, path: string, body?: object, statuses: number[], done: () => void }

/** Changes the members of a room, one change of a room at a time. */
export async function changeMembers (storm: Changing, room: LiveRoom, person: Person): Promise<void> {
  if (room.changing) return
  const step = nextStep(storm, room, person)
  if (step === undefined) return
  room.changing = true
  const { status, body } = await storm.ask(person, step.method, step.path, step.body)
  if (!step.statuses.includes(status)) {
    throw new Error(`${step.method} ${step.path}: ${status} ${JSON.stringify(body)}`)
  }
  step.done()
  room.changing = false
}

function nextStep (storm: Changing, room: LiveRoom, person: Person): Step | undefined {
  const role = room.members.get(person)
  if (role === undefined) return undefined
  const other = storm.pick(storm.people)
  if (role === 'member') return removal(room, person)
  if (other === person) return undefined
  const otherRole = room.members.get(other)
  if (otherRole === undefined) return addition(room, other, role === 'owner' && storm.random() < 0.3)
  if (role === 'admin') return otherRole === 'member' ? removal(room, other) : undefined
  const chance = storm.random()
  if (chance < 0.4) return removal(room, other)
  return chance < 0.7
    ? newRole(room, other, otherRole === 'admin' ? 'member' : 'admin')
    : handingOver(room, person, other)
}

function addition (room: LiveRoom, other: Person, asAdmin: boolean): Step {
  const role: Role = asAdmin ? 'admin' : 'member'
  return {
    method: 'POST',
    path: `/groups/${room.id}/members`,
    body: { user: other.id, ...(asAdmin ? { role } : {}) },
    statuses: [201],
    done: () => room.members.set(other, role)
  }
}

/** Removes a member, or leaves. 404 answers the repeat of a request whose answer was lost. */
function removal (room: LiveRoom, other: Person): Step | undefined {
  if (other === room.founder) return undefined
  const { path, members } = { path: `/groups/${room.id}/members/${other.id}`, members: room.members }
  // Nobody expects more of this member from here on.
  members.delete(other)
  return { method: 'DELETE', path, statuses: [200, 404], done: () => {} }
}

function newRole (room: LiveRoom, other: Person, role: Role): Step {
  const path = `/groups/${room.id}/members/${other.id}`
  return { method: 'PATCH', path, body: { role }, statuses: [200], done: () => room.members.set(other, role) }
}

/** 403 answers the repeat of a request whose answer was lost: the former owner is an admin then. */
function handingOver (room: LiveRoom, owner: Person, other: Person): Step {
  const path = `/groups/${room.id}/members/${other.id}`
  const done = () => {
    room.members.set(owner, 'admin')
    room.members.set(other, 'owner')
  }
  return { method: 'PATCH', path, body: { role: 'owner' }, statuses: [200, 403], done }
}
