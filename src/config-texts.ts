/** What the server says about its configuration. */
import type { TSchema } from '@sinclair/typebox'
import { resolve } from 'node:path'
import { Config } from './config.js'

/** Each is switched off by 0. */
const RATES = ['REGISTER_LIMIT', 'LOGIN_LIMIT', 'HTTP_RATE', 'FRAME_RATE', 'USER_FRAME_RATE'] as const

/** Lists the risks of a configuration, one sentence each, for the log at start-up. */
export function configWarnings (config: Config): string[] {
  const warnings: string[] = []
  if (config.NODE_ENV !== 'production') {
    warnings.push(`NODE_ENV=${config.NODE_ENV}: error answers contain stacks`)
  }
  if (!config.REFUSE_COMMON_PASSWORDS) {
    warnings.push('REFUSE_COMMON_PASSWORDS is off: passwords such as 12345678 are accepted; ' +
      'set it to on unless you need the documented sample')
  }
  if (config.TRUST_PROXY === 'true') {
    warnings.push('TRUST_PROXY=true trusts every X-Forwarded-For: limits by address can be evaded ' +
      'unless a proxy overwrites it')
  }
  for (const name of RATES) {
    if (config[name] === 0) warnings.push(`${name}=0: this limit is switched off`)
  }
  return warnings
}

/** Makes the text of --help: a line for each variable. */
export function configHelp (): string {
  const lines = Object.entries(Config.properties as Record<string, TSchema>).map(([name, schema]) => {
    const value = schema.default === '' ? '' : ` (${schema.default})`
    return `  ${(name + value).padEnd(32)} ${schema.description}`
  })
  return `Environment variables (defaults in brackets; a limit of 0 is switched off):\n${lines.join('\n')}\n`
}

/** Says where the server listens and where its data is. */
export function startLine (port: number, { HOST, MONGODB_URL, DATA_DIR }: Config): string {
  const address = `${HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`
  const http = `http://${address}`
  const data = MONGODB_URL === '' ? resolve(DATA_DIR) : 'MongoDB (MONGODB_URL)'
  return `chat server: ${http}/api/v1, WebSocket ws://${address}/ws, docs ${http}/docs, data in ${data}`
}
