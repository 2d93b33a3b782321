/** The AsyncAPI document for people: one HTML page without scripts. */
import { createHash } from 'node:crypto'
import { CLOSE_CODES, frameLimits, INTRODUCTION, type asyncapi, type FrameMessage } from './asyncapi.js'
import type { Config } from '../config.js'

const STYLE = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #222; background: #fff }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { border: 1px solid #ccc; padding: .25rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
pre { background: #f4f4f4; padding: .5rem; overflow-x: auto }
h3 { margin: 2rem 0 0; border-top: 1px solid #ccc; padding-top: 1rem }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } pre { background: #262626 } a { color: #8bf } }
`

/** Only the style of this very page; nothing is fetched, run or framed (CSP 3, 6.7.3.3). */
export const REALTIME_PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escape = (text: string) => text.replace(/[&<>"]/g, character => ENTITIES[character]!)

/** A sentence whose `code` is set as such, as in the document's Markdown. */
const prose = (text: string) => escape(text).replace(/`([^`]+)`/g, '<code>$1</code>')

function table (head: string[], rows: string[][]): string {
  const line = (tag: string, cells: string[]) => `<tr>${cells.map(cell => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  return `<table><thead>${line('th', head)}</thead><tbody>${rows.map(row => line('td', row)).join('\n')}</tbody></table>`
}

interface Schema {
  $ref?: string
  const?: unknown
  type?: string
  format?: string
  pattern?: string
  items?: Schema
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  required?: string[]
  description?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  maxItems?: number
}

/** A type in few words. */
function typeOf (schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1)!
    return `<a href="#${name}">${name}</a>`
  }
  if ('const' in schema) return `<code>${escape(JSON.stringify(schema.const))}</code>`
  if (schema.anyOf !== undefined) return schema.anyOf.map(one => typeOf({ ...one, type: one.type ?? schema.type! })).join(' or ')
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}${schema.maxItems === undefined ? '' : `, at most ${schema.maxItems}`}`
  const [pattern, value] = Object.entries(schema.patternProperties ?? {})[0] ?? []
  if (pattern !== undefined) return `object: <code>${escape(pattern)}</code> to ${typeOf(value!)}`
  const { minimum, maximum, minLength, maxLength } = schema
  const limits = [
    schema.format,
    minLength === undefined && maxLength !== undefined ? `up to ${maxLength} characters` : minLength !== undefined && `${minLength} to ${maxLength} characters`,
    schema.pattern !== undefined && `<code>${escape(schema.pattern)}</code>`,
    minimum !== undefined && (maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum}` : `${minimum} to ${maximum}`)
  ].filter(limit => limit !== undefined && limit !== false)
  return `${schema.type}${limits.length === 0 ? '' : ` (${limits.join(', ')})`}`
}

/** A row for each field, those of objects inside it too. */
function fieldRows (schema: Schema, prefix = ''): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const inner = field.items?.properties !== undefined ? field.items : field
    const path = `${prefix}${name}${inner === field ? '' : '[]'}`
    const own = [`<code>${path}</code>`, typeOf(field), schema.required?.includes(name) === true ? 'yes' : '', prose(field.description ?? '')]
    return [own, ...fieldRows(inner, `${path}.`)]
  })
}

const fields = (schema: Schema) => table(['field', 'type', 'required', ''], fieldRows(schema))

function frameSection (key: string, { name, summary, payload, examples }: FrameMessage, answers: string[]): string {
  return [
    `<h3 id="${key}"><code>${name}</code></h3>`,
    `<p>${prose(summary)}</p>`,
    fields(payload),
    answers.length === 0 ? '' : `<p>Answered by ${answers.map(answer => `<a href="#${answer}"><code>${answer.slice('server'.length).toLowerCase()}</code></a>`).join(', ')}.</p>`,
    `<pre>${escape(JSON.stringify(examples[0]!.payload, null, 2))}</pre>`
  ].join('\n')
}

/** The page of /docs/realtime, from the document and the limits of this server. */
export function realtimePage (document: ReturnType<typeof asyncapi>, config: Config): string {
  const { messages } = document.channels.chat
  const keys = Object.keys(messages)
  const answersOf = (key: string): string[] => {
    const reply: { messages: { $ref: string }[] } | undefined = document.operations[key].reply
    return reply?.messages.map(({ $ref }) => $ref.split('/').at(-1)!) ?? []
  }
  const sections = (side: string) => keys.filter(key => key.startsWith(side)).map(key => frameSection(key, messages[key]!, answersOf(key)))
  const contents = (side: string) => keys.filter(key => key.startsWith(side)).map(key => `<a href="#${key}">${messages[key]!.name}</a>`).join(' · ')
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escape(document.info.title)}</title><style>${STYLE}</style></head>
<body>
<h1>Real time: <code>chat.v1</code> at <code>/ws</code></h1>
${INTRODUCTION.map(text => `<p>${prose(text)}</p>`).join('\n')}
<p>For machines: <a href="/docs/asyncapi.json">AsyncAPI</a>. Over HTTP: <a href="/docs">OpenAPI</a>.</p>
<p>Client to server: ${contents('client')}<br>Server to client: ${contents('server')}</p>
<h2 id="limits">Limits of this server</h2>
${table(['what', 'limit', 'beyond it'], frameLimits(config).map(row => row.map(prose)))}
<h2 id="closing-codes">Closing codes</h2>
${table(['code', 'meaning'], CLOSE_CODES.map(([code, meaning]) => [String(code), prose(meaning)]))}
<h2>Client to server</h2>
${sections('client').join('\n')}
<h2>Server to client</h2>
${sections('server').join('\n')}
<h2 id="Message">Message</h2>
${fields(document.components.schemas.Message)}
</body>
</html>
`
}
