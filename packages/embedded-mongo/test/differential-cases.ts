// Cases with the answer of MongoDB's manual, by section. A case says how another server is known to answer
// differently.
import type { Case } from './differential-case.js'
import { commandCases } from './differential-command-cases.js'
import { queryCases } from './differential-query-cases.js'
import { updateCases } from './differential-update-cases.js'

export const cases: Case[] = [...queryCases, ...updateCases, ...commandCases]
