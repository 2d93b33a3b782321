/** Medians of all rounds, beside each other. */
import { median } from '../../test/long/figures.js'
import type { Figure, Measure, Outcome } from './figure.js'
import { addFaults, faultless, type Faults } from './ledger.js'
import { SERVERS, type ServerName } from './processes.js'

/** What was measured: by figure, then by server, one outcome a round. */
export type Results = Map<Figure, Map<ServerName, Outcome[]>>

export const HEADING = ['figure', 'unit', ...SERVERS, 'server : classic', 'server : floor']

export interface Row { measure: Measure, medians: Map<ServerName, number> }

/** Three digits that count. */
export function show (value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '-'
  if (value >= 1_000) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

/** The medians of one measure. */
export function rowOf (measure: Measure, outcomes: Map<ServerName, Outcome[]>): Row {
  const medians = new Map<ServerName, number>()
  for (const name of SERVERS.filter(name => outcomes.has(name))) {
    const values = outcomes.get(name)!.map(({ values }) => values[measure.key])
    const present = values.filter(value => value !== undefined)
    if (present.length > 0) medians.set(name, median(present))
  }
  return { measure, medians }
}

export function rowsOf (figure: Figure, outcomes: Map<ServerName, Outcome[]>): Row[] {
  return figure.measures.map(measure => rowOf(measure, outcomes))
}

function ratio (a: number | undefined, b: number | undefined): string {
  return a === undefined || b === undefined || b === 0 ? '-' : show(a / b)
}

export function cells ({ measure, medians }: Row): string[] {
  const [own, classic, floor] = SERVERS.map(name => medians.get(name))
  const values = [own, classic, floor].map(show)
  return [measure.title, measure.unit, ...values, ratio(own, classic), ratio(own, floor)]
}

/** The faults of all runs of a server, with the number of its runs. */
export function faultsOf (results: Results, name: ServerName): Faults {
  const all = [...results.values()].flatMap(servers => servers.get(name) ?? [])
  return all.reduce((sum, { faults }) => addFaults(sum, faults ?? faultless()), faultless())
}

export function showFaults ({ lost, doubled, disordered, notStored }: Faults): string {
  return `lost ${lost}, doubled ${doubled}, out of order ${disordered}, not stored ${notStored}`
}
