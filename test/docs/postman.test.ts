/**
 * Runs docs/postman_collection.json as Postman would: variables, cookies, and its scripts for real.
 * Newman would do the
 * same with 151 packages more (newman 6), for a dozen requests.
 */
import { equal } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { listen } from '../helper.js'

interface Item {
  name: string
  event: { listen: 'prerequest' | 'test'; script: { exec: string[] } }[]
  request: {
    method: string
    url: string
    header: { key: string; value: string }[]
    body?: { mode: string; raw: string }
    auth?: unknown
  }
  protocolProfileBehavior?: { disableBodyPruning?: boolean }
}
interface Collection {
  info: { schema: string }
  variable: { key: string; value: string }[]
  item: Item[]
  auth?: unknown
}
interface Answer {
  status: number
  cookies: string[]
  body: string
}

const file = join(process.cwd(), 'docs/postman_collection.json')
const collection: Collection = JSON.parse(await readFile(file, 'utf8'))

function send (
  url: string,
  method: string,
  headers: Record<string, string>,
  body: string | undefined
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Not fetch, which refuses a GET with a body.
    const request = httpRequest(
      url,
      {
        method,
        headers:
          body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) }
      },
      response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            cookies: response.headers['set-cookie'] ?? [],
            body: Buffer.concat(chunks).toString()
          })
        )
      }
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** Cookies as far as one host with path / needs them (RFC 6265, 5.3). */
class Cookies {
  readonly #values = new Map<string, string>()

  keep (lines: string[]): void {
    for (const line of lines) {
      const [pair, ...attributes] = line.split(';').map(part => part.trim())
      const at = pair!.indexOf('=')
      const expires = attributes
        .find(attribute => attribute.toLowerCase().startsWith('expires='))
        ?.slice('expires='.length)
      if (
        attributes.some(attribute => attribute.toLowerCase() === 'max-age=0') ||
        (expires !== undefined && Date.parse(expires) <= Date.now())
      ) {
        this.#values.delete(pair!.slice(0, at))
      } else this.#values.set(pair!.slice(0, at), pair!.slice(at + 1))
    }
  }

  get header (): Record<string, string> {
    return this.#values.size === 0 ? {} : { cookie: [...this.#values].map(pair => pair.join('=')).join('; ') }
  }
}

/** Names that Postman's sandbox has already: a script that declares one again is a SyntaxError there. */
const SANDBOX =
  'let _, data, environment, globals, iteration, postman, request, responseBody, responseCode, ' +
  'responseCookies, responseHeaders, responseTime, tests\n'

interface Outcome {
  name: string
  error?: unknown
}

/** A run of a collection: its variables, its cookies, and the outcome of each pm.test. */
class Run {
  readonly outcomes: Outcome[] = []
  readonly #cookies = new Cookies()
  readonly #variables: Map<string, string>

  constructor ({ variable }: Collection, baseUrl: string) {
    this.#variables = new Map(variable.map(({ key, value }) => [key, value]))
    this.#variables.set('baseUrl', baseUrl)
  }

  async step (item: Item): Promise<void> {
    this.#runScripts(item, 'prerequest')
    const { method, url, header, body } = item.request
    const own = header.map(({ key, value }) => [key.toLowerCase(), value])
    const headers = { ...this.#cookies.header, ...Object.fromEntries(own) }
    // Postman drops the body of a GET unless it is told not to.
    const isPruned = method === 'GET' && item.protocolProfileBehavior?.disableBodyPruning !== true
    const payload = body === undefined || isPruned ? undefined : this.#fill(body.raw)
    const answer = await send(this.#fill(url), method, headers, payload)
    this.#cookies.keep(answer.cookies)
    this.#runScripts(item, 'test', answer)
  }

  #fill (text: string): string {
    return text.replace(/\{\{(\w+)\}\}/g, (_, key) => {
      if (!this.#variables.get(key)) throw new Error(`no variable ${key}`)
      return this.#variables.get(key)!
    })
  }

  #runScripts (item: Item, when: 'prerequest' | 'test', answer?: Answer): void {
    const pm = {
      collectionVariables: {
        get: (key: string) => this.#variables.get(key),
        set: (key: string, value: string) => {
          this.#variables.set(key, value)
        }
      },
      response: answer && {
        json: () => JSON.parse(answer.body),
        to: { have: { status: hasStatus(answer) } }
      },
      expect: (found: unknown) => ({ to: { eql: (wanted: unknown) => isEqual(found, wanted) } }),
      test: (what: string, check: () => void) => {
        this.outcomes.push(outcomeOf(`${item.name}: ${what}`, check))
      }
    }
    for (const { listen, script } of item.event) {
      if (listen === when) runInNewContext(SANDBOX + script.exec.join('\n'), { pm })
    }
  }
}

function hasStatus (answer: Answer): (code: number) => void {
  return code => {
    if (answer.status !== code) throw new Error(`${answer.status} instead of ${code}: ${answer.body}`)
  }
}

/** The scripts compare objects of another context. */
function isEqual (found: unknown, wanted: unknown): void {
  equal(JSON.stringify(found), JSON.stringify(wanted))
}

function outcomeOf (name: string, check: () => void): Outcome {
  try {
    check()
    return { name }
  } catch (error) {
    return { name, error }
  }
}

async function run (collection: Collection, baseUrl: string): Promise<Outcome[]> {
  const all = new Run(collection, baseUrl)
  for (const item of collection.item) await all.step(item)
  return all.outcomes
}

t.test('the Postman collection runs through, and again on the same server', async t => {
  const { origin } = await listen(t)
  for (const time of ['first', 'second']) {
    const outcomes = await run(collection, origin)
    t.ok(outcomes.length > collection.item.length, 'every request is checked')
    for (const { name, error } of outcomes) t.equal(error, undefined, `${time} run, ${name}`)
  }
})

t.test('a check that fails is noticed', async t => {
  const { origin } = await listen(t)
  const wrong = structuredClone(collection)
  wrong.item[0]!.event[1]!.script.exec.push(
    "pm.test('418', () => pm.response.to.have.status(418))",
    "pm.test('other words', () => pm.expect(reply.message).to.eql('Data inserted'))"
  )
  const failed = (await run(wrong, origin)).filter(({ error }) => error !== undefined)
  t.match(
    failed.map(({ name }) => name),
    ['Register the first user: 418', 'Register the first user: other words']
  )
  t.equal(failed.length, 2)
})

t.test('the collection knows nothing of tokens, and works in Postman as it is', async t => {
  t.equal(collection.info.schema, 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json')
  t.equal(collection.variable.find(({ key }) => key === 'baseUrl')!.value, 'http://localhost:5009')
  t.notMatch(JSON.stringify(collection), /authorization|bearer|token/i)
  for (const { name, request, event, protocolProfileBehavior } of collection.item) {
    t.ok(
      event.some(({ listen, script }) => listen === 'test' && script.exec.join().includes('to.have.status(')),
      `${name}: its status is checked`
    )
    if (request.method === 'GET' && request.body !== undefined) {
      t.equal(protocolProfileBehavior?.disableBodyPruning, true, name)
    }
  }
})
