/** The AsyncAPI document as an HTML page without scripts, with the limits of this server. */
import { createHash } from 'node:crypto'
import { CLOSE_CODES, frameLimits, INTRODUCTION, type asyncapi, type FrameMessage } from './asyncapi.js'
import type { Config } from '../config.js'

const STYLE = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
body { color: #222; background: #fff }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { border: 1px solid #ccc; padding: .25rem .5rem; text-align: left; vertical-align: top }
th, td { overflow-wrap: anywhere }
pre { background: #f4f4f4; padding: .5rem; overflow-x: auto }
h3 { margin: 2rem 0 0; border-top: 1px solid #ccc; padding-top: 1rem }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818 }
  pre { background: #262626 }
  a { color: #8bf }
}
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** The page may use its own style, and nothing else (CSP 3, 6.7.3.3). */
export const REALTIME_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escape = (text: string) => text.replace(/[&<>"]/g, character => ENTITIES[character]!)

const code = (text: string) => `<code>${escape(text)}</code>`
const link = (id: string, html: string) => `<a href="#${id}">${html}</a>`

/** Text with `code` as in Markdown. */
const prose = (text: string) => escape(text).replace(/`([^`]+)`/g, '<code>$1</code>')

function table (head: string[], rows: string[][]): string {
  const line = (tag: string, cells: string[]) =>
    `<tr>${cells.map(cell => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  const body = rows.map(row => line('td', row)).join('\n')
  return `<table><thead>${line('th', head)}</thead><tbody>${body}</tbody></table>`
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

/** Describes the type of a field in a few words, as HTML. */
function typeOf (schema: Schema): string {
  const { $ref, anyOf, items, maxItems, patternProperties } = schema
  if ($ref !== undefined) return link(idOf($ref), idOf($ref))
  if ('const' in schema) return code(JSON.stringify(schema.const))
  if (anyOf !== undefined) {
    const types = anyOf.map(one => typeOf({ type: schema.type!, ...one }))
    return [...new Set(types)].join(' or ')
  }
  if (items !== undefined) {
    const most = maxItems === undefined ? '' : `, at most ${maxItems}`
    return `list of ${typeOf(items)}${most}`
  }
  const [entry] = Object.entries(patternProperties ?? {})
  if (entry !== undefined) return `object: ${code(entry[0])} to ${typeOf(entry[1])}`
  const limits = [schema.format, lengthOf(schema), schema.pattern && code(schema.pattern), rangeOf(schema)]
  const known = limits.filter(limit => limit !== undefined)
  return known.length === 0 ? schema.type! : `${schema.type} (${known.join(', ')})`
}

function lengthOf ({ minLength, maxLength }: Schema): string | undefined {
  if (maxLength === undefined) return undefined
  return minLength === undefined ? `up to ${maxLength} characters` : `${minLength} to ${maxLength} characters`
}

function rangeOf ({ minimum, maximum = Number.MAX_SAFE_INTEGER }: Schema): string | undefined {
  if (minimum === undefined) return undefined
  return maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum}` : `${minimum} to ${maximum}`
}

/** The last part of a reference: the id of the message or schema on the page. */
const idOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

/** Makes a row for each field, including the fields of inner objects. */
function fieldRows (schema: Schema, prefix = ''): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const isList = field.items?.properties !== undefined
    const path = `${prefix}${name}${isList ? '[]' : ''}`
    const required = schema.required?.includes(name) === true ? 'yes' : ''
    const own = [code(path), typeOf(field), required, prose(field.description ?? '')]
    return [own, ...fieldRows(isList ? field.items! : field, `${path}.`)]
  })
}

/** Makes the table of a schema's fields; of a union, a table for each of its schemas. */
function fieldTable (schema: Schema): string {
  const schemas = schema.anyOf ?? [schema]
  return schemas.map(one => table(['field', 'type', 'required', ''], fieldRows(one))).join('\n')
}

type Document = ReturnType<typeof asyncapi>

/** The names of the frames that answer a message, linked. */
function answersTo (document: Document, key: string): string[] {
  const reply: { messages: { $ref: string }[] } | undefined = document.operations[key].reply
  const keys = reply?.messages.map(({ $ref }) => idOf($ref)) ?? []
  return keys.map(answer => link(answer, code(document.channels.chat.messages[answer]!.name)))
}

function frameSection (document: Document, [key, message]: [string, FrameMessage]): string {
  const answers = answersTo(document, key)
  return [
    `<h3 id="${key}">${code(message.name)}</h3>`,
    `<p>${prose(message.summary)}</p>`,
    fieldTable(message.payload),
    answers.length === 0 ? '' : `<p>Answered by ${answers.join(', ')}.</p>`,
    `<pre>${escape(JSON.stringify(message.examples[0]!.payload, null, 2))}</pre>`
  ].join('\n')
}

/** Makes the page of /docs/realtime from the document and the limits of this server. */
export function realtimePage (document: Document, config: Config): string {
  const messages = Object.entries(document.channels.chat.messages)
  const client = messages.filter(([key]) => key.startsWith('client'))
  const server = messages.filter(([key]) => key.startsWith('server'))
  const contents = (frames: [string, FrameMessage][]) =>
    frames.map(([key, { name }]) => link(key, name)).join(' · ')
  const sections = (frames: [string, FrameMessage][]) =>
    frames.map(frame => frameSection(document, frame)).join('\n')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(document.info.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Real time: <code>chat.v1</code> at <code>/ws</code></h1>
${INTRODUCTION.map(text => `<p>${prose(text)}</p>`).join('\n')}
<p>For machines: <a href="/docs/asyncapi.json">AsyncAPI</a>. Over HTTP: <a href="/docs">OpenAPI</a>.</p>
<p>Client to server: ${contents(client)}<br>Server to client: ${contents(server)}</p>
<h2 id="limits">Limits of this server</h2>
${table(['what', 'limit', 'beyond it'], frameLimits(config).map(row => row.map(prose)))}
<h2 id="closing-codes">Closing codes</h2>
${table(['code', 'meaning'], CLOSE_CODES.map(([number, meaning]) => [String(number), prose(meaning)]))}
<h2>Client to server</h2>
${sections(client)}
<h2>Server to client</h2>
${sections(server)}
<h2 id="Message">Message</h2>
${fieldTable(document.components.schemas.Message)}
</body>
</html>
`
}
