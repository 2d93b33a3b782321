/** What the table of attacks knows of an operation. */
import type { Person } from '../helper.js'

export interface People {
  anna: Person
  bert: Person
  carl: Person
  /** a group of anna and bert that anna owns */
  own: string
  /** a group of all three that bert owns; anna is a plain member */
  joined: string
  /** a group of bert and carl */
  theirs: string
}

export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  query?: Record<string, string>
  payload?: Record<string, unknown>
  headers?: Record<string, string>
}

export interface Operation {
  /** operationId in /docs/json */
  id: string
  public?: boolean
  /** of anna */
  valid (people: People): Request
  /** requests by anna for data of bert or carl; each must be refused */
  foreign?: (people: People) => Request[]
}
