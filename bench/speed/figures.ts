/** All figures, in the order in which they are measured. */
import type { Figure } from './figure.js'
import { login } from './figures/accounts.js'
import { fanOut } from './figures/fan-out.js'
import { inbox } from './figures/inbox.js'
import { group500 } from './figures/large-group.js'
import { latency, latencyHalf } from './figures/latency.js'
import { openSocket } from './figures/opening.js'
import { startTime, storm, stored } from './figures/own-server.js'
import { history, last50 } from './figures/reading.js'
import { httpSend, socketSend } from './figures/sending.js'

export const FIGURES: readonly Figure[] = [
  openSocket, httpSend, socketSend, history, last50, latency, latencyHalf, fanOut,
  inbox, group500, login, startTime, stored, storm
]
