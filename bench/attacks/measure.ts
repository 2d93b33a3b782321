/** One attack on one server: what an honest user has of it meanwhile, and what it takes of the machine. */
import type { Account } from '../../test/long/accounts.js'
import { register } from '../../test/long/accounts.js'
import type { Target } from '../../test/long/attacks/hostile.js'
import type { TallyReport } from '../../test/long/attacks/tally.js'
import { Caller } from '../../test/long/caller.js'
import { Filler } from '../../test/long/fill.js'
import { HostileProcess } from '../../test/long/hostile-process.js'
import { within } from '../../test/long/lifetime.js'
import { processStats } from '../../test/long/process-stats.js'
import { dataDir, start, type Lifetime, type ServerProcess } from '../../test/server.js'
import type { Case } from './cases.js'
import { Victim, type Fates } from './victim.js'

export interface Measured {
  calm: Fates
  /** during the attack, and for some time after it */
  attacked: Fates
  /** MiB */
  peakRss: number
  peakAnonymous: number
  /** processors in use during the attack */
  cores: number
  /** undefined where the server outlived it */
  died: string | undefined
  tally: TallyReport | undefined
}

const CALM_MS = 5_000
const ATTACK_MS = 15_000
/** What an attacker started may go on when it has left. */
const AFTER_MS = 20_000
const SAMPLE_MS = 100
/** As `npm start` starts the server; and its default limits. */
const ENV = { NODE_OPTIONS: '--max-semi-space-size=8', MAX_LOOP_DELAY_MS: '' }

/** Follows the memory of a process. */
class Watch {
  peakRss = 0
  peakAnonymous = 0
  #lastCpu = 0
  #markedCpu = 0
  #markedAt = 0
  readonly #timer: NodeJS.Timeout

  constructor (readonly pid: number) {
    this.#timer = setInterval(() => this.sample(), SAMPLE_MS)
    this.mark()
  }

  sample (): void {
    const stats = processStats(this.pid)
    this.peakRss = Math.max(this.peakRss, stats?.peakRss ?? 0)
    this.peakAnonymous = Math.max(this.peakAnonymous, stats?.anonymous ?? 0)
    this.#lastCpu = stats?.cpu ?? this.#lastCpu
  }

  /** From here on `cores` counts. */
  mark (): void {
    this.sample()
    this.#markedCpu = this.#lastCpu
    this.#markedAt = performance.now()
  }

  cores (): number {
    this.sample()
    return (this.#lastCpu - this.#markedCpu) / ((performance.now() - this.#markedAt) / 1000)
  }

  stop (): void { clearInterval(this.#timer) }
}

async function prepare (lifetime: Lifetime, { origin }: ServerProcess, dir: string, { prepare }: Case) {
  const honest = new Caller(origin, '127.0.0.1')
  const hostile = new Caller(origin, '127.0.0.2')
  const [anna, ben] = [await register(honest, 'anna'), await register(honest, 'ben')]
  const attacker: Account = await register(hostile, 'mallory')
  honest.close()
  hostile.close()
  const pages = { first: '', last: '' }
  const target: Target = { origin, victims: [anna.id], watched: [], pages, repeats: {}, full: {} }
  const filler = await Filler.connect(dir)
  await prepare?.(filler, attacker, target)
  await filler.close()
  const victim = new Victim(origin, anna, ben.id)
  lifetime.teardown(() => victim.close())
  return { victim, attacker, target }
}

/** The signal is given when the server ends. */
function watchEnd ({ child }: ServerProcess): { ended: AbortSignal, how: () => string | undefined } {
  const end = new AbortController()
  const since = performance.now()
  let how: string | undefined
  child.once('exit', (code, signal) => {
    how = `${signal ?? `code ${code}`} after ${((performance.now() - since) / 1000).toFixed(1)} s`
    end.abort()
  })
  return { ended: end.signal, how: () => how }
}

/** Measures an attack on a new server with an embedded database of its own. */
export async function measure (script: string, attack: Case): Promise<Measured> {
  return await within(async lifetime => {
    const dir = await dataDir(lifetime)
    const server = await start(lifetime, { ...ENV, DATA_DIR: dir }, { script, keepLog: false })
    const { victim, attacker, target } = await prepare(lifetime, server, dir, attack)
    const calm = await victim.suffer(CALM_MS, new AbortController().signal)
    const watch = new Watch(server.child.pid!)
    lifetime.teardown(() => watch.stop())
    const { ended, how } = watchEnd(server)
    const attacks = { [attack.attack]: attack.copies }
    const attackers = new HostileProcess({ target, accounts: [attacker], attacks })
    lifetime.teardown(async () => await attackers.kill())
    const suffering = victim.suffer(ATTACK_MS + AFTER_MS, ended)
    await new Promise(resolve => {
      const timer = setTimeout(resolve, ATTACK_MS)
      ended.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve(undefined)
      })
    })
    const cores = watch.cores()
    const report = await attackers.stop()
    const attacked = await suffering
    watch.sample()
    const { peakRss, peakAnonymous } = watch
    return { calm, attacked, peakRss, peakAnonymous, cores, died: how(), tally: report[attack.attack] }
  })
}
