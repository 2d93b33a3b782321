import { Slices } from '../concurrency/slices.js'

/** A text that is JSON already. */
class JsonText {
  /** @param text with the bytes in UTF-8 where it is long */
  constructor (readonly text: string | Buffer) {}
}

/**
 * Characters that are encoded at a time. A list of this length takes below a millisecond; the longest lists,
 * of 4 MiB, took 50 ms.
 */
const PART_CHARS = 64 * 1024

/**
 * Puts a text that is JSON already in the place of a field of an answer. The route needs
 * `serializerCompiler: spliceJson`. The text must be JSON of the type that the schema has there.
 */
export function jsonText<T> (text: string): T {
  return new JsonText(text) as unknown as T
}

/** The fields of an answer with a page. A long one is encoded in slices. */
export async function jsonPage<T> (
  page: Promise<{ items: readonly { json: string }[], hasMore: boolean }>
): Promise<{ data: T[], hasMore: boolean }> {
  const { items, hasMore } = await page
  return { data: await jsonList<T>(items), hasMore }
}

async function jsonList<T> (items: readonly { json: string }[]): Promise<T[]> {
  const parts = partsOf(items)
  if (parts.length === 1) return jsonText(`[${parts[0]}]`)
  const encoded: Buffer[] = []
  const slices = new Slices()
  for (const [n, part] of parts.entries()) {
    encoded.push(Buffer.from(`${n === 0 ? '[' : ','}${part}`))
    await slices.next()
  }
  encoded.push(Buffer.from(']'))
  return new JsonText(Buffer.concat(encoded)) as unknown as T[]
}

/** Joins items with commas, into texts of about PART_CHARS. */
function partsOf (items: readonly { json: string }[]): string[] {
  const parts: string[] = []
  let part: string[] = []
  let chars = 0
  for (const { json } of items) {
    if (chars > PART_CHARS) {
      parts.push(part.join())
      part = []
      chars = 0
    }
    part.push(json)
    chars += json.length
  }
  parts.push(part.join())
  return parts
}

/** The compiler of a route whose answers have fields made by `jsonText` or `jsonPage`. */
export function spliceJson (): (answer: unknown) => string {
  // Fastify sends bytes too, but its types do not say so.
  return answer => splice(answer as object) as string
}

function splice (answer: object): string | Buffer {
  const fields = Object.entries(answer).map(([name, value]) =>
    [`${JSON.stringify(name)}:`, value instanceof JsonText ? value.text : JSON.stringify(value)] as const)
  if (!fields.some(([, text]) => typeof text !== 'string')) {
    return `{${fields.map(([name, text]) => `${name}${text as string}`).join()}}`
  }
  const bytes = fields.flatMap(([name, text], n) =>
    [Buffer.from(`${n === 0 ? '{' : ','}${name}`), typeof text === 'string' ? Buffer.from(text) : text])
  return Buffer.concat([...bytes, Buffer.from('}')])
}
