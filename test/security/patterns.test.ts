import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap from 'tap'
import ts from 'typescript'
import { checkEmail, checkUsername, emailKey, usernameKey } from '../../src/accounts/names.js'
import { sanitizeAvatar } from '../../src/avatars/svg.js'
import { compileFrame } from '../../src/validation.js'
import { CLIENT_FRAMES } from 'chat-protocol/schemas'
import { build } from '../helper.js'

const LENGTH = 100_000
/**
 * A pattern that backtracks takes minutes for this much text; a linear one a few milliseconds, here
 * on a busy machine.
 */
const MAX_MS = 500

const ROOT = process.cwd()

/** Text that makes patterns backtrack: a long run that nearly matches, and an end that does not. */
const TEXTS = [
  'a',
  '0',
  ' ',
  '.',
  '-',
  'a.',
  'a-',
  '1.',
  'é',
  'e\u0301',
  '\u0301',
  'i\u0307',
  '\n',
  '/',
  '\\',
  '"',
  '(',
  'a b',
  '%',
  '@',
  'a@',
  'a@a.',
  '=',
  '#',
  ';',
  ':',
  'a:1;',
  'url(',
  '<',
  '&',
  '\u{1F600}',
  '\uD800',
  'A=',
  '0:0',
  '2024-01-01T',
  '[1',
  '{"a":'
].flatMap(unit => {
  const run = unit.repeat(Math.ceil(LENGTH / unit.length)).slice(0, LENGTH)
  return [run, `${run}\u0000`, `a${run}!`]
})

function msOf (work: () => unknown): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

const SOURCES = [
  'src',
  'plugins',
  'routes',
  'packages/client/src',
  'packages/embedded-mongo/src',
  'packages/protocol/src'
]

async function sources (): Promise<string[]> {
  const entries = await Promise.all(
    SOURCES.map(async dir => await readdir(join(ROOT, dir), { recursive: true, withFileTypes: true }))
  )
  return entries
    .flat()
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name))
}

/** Every regular expression that is written in a source file. */
function literals (file: string, source: string): RegExp[] {
  const found: RegExp[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/')
      found.push(new RegExp(node.text.slice(1, end), node.text.slice(end + 1)))
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest))
  return found
}

tap.test(
  'every regular expression of the sources takes linear time: 100 kB within half a second',
  async t => {
    let count = 0
    for (const file of await sources()) {
      for (const pattern of literals(file, await readFile(file, 'utf8'))) {
        count++
        const slowest = Math.max(...TEXTS.map(text => msOf(() => text.replace(pattern, ''))))
        t.ok(
          slowest < MAX_MS,
          `${file.slice(ROOT.length)} ${pattern.toString().slice(0, 60)}: ${slowest.toFixed(0)} ms`
        )
      }
    }
    t.ok(count > 20, `${count} were found`)
  }
)

tap.test('every pattern of the published schemas takes linear time', async t => {
  const app = await build(t)
  const documents = await Promise.all(
    ['/docs/json', '/docs/asyncapi.json'].map(async url => (await app.inject(url)).body)
  )
  const patterns = new Set(
    documents.flatMap(document =>
      [...document.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(match => JSON.parse(match[1]!) as string)
    )
  )
  t.ok(patterns.size >= 4, `${patterns.size} were found`)
  for (const pattern of patterns) {
    // As Ajv compiles them.
    const compiled = new RegExp(pattern, 'u')
    const slowest = Math.max(...TEXTS.map(text => msOf(() => compiled.test(text))))
    t.ok(slowest < MAX_MS, `${pattern}: ${slowest.toFixed(0)} ms`)
  }
})

tap.test('checks of names, pictures and frames take linear time, with all their steps', async t => {
  const validators = Object.values(CLIENT_FRAMES).map(schema => compileFrame(schema))
  const checks: Record<string, (text: string) => unknown> = {
    checkUsername,
    usernameKey,
    checkEmail,
    emailKey,
    'sanitizeAvatar of text': text => sanitizeAvatar(Buffer.from(text).toString('base64')),
    'sanitizeAvatar of the text as base64': sanitizeAvatar,
    'sanitizeAvatar of an attribute': text =>
      sanitizeAvatar(
        Buffer.from(
          `<svg xmlns="http://www.w3.org/2000/svg" style="${text.slice(0, 20_000)}" fill="${text.slice(0, 10_000)}"/>`
        ).toString('base64')
      ),
    frames: text =>
      validators.map(validate =>
        validate({
          type: text,
          clientId: text,
          reciver: text,
          message: text,
          createdAt: text,
          conversation: text,
          seq: 1,
          users: [text],
          have: { [text]: 1 },
          on: true
        })
      )
  }
  for (const [name, check] of Object.entries(checks)) {
    const slowest = Math.max(...TEXTS.map(text => msOf(() => check(text))))
    t.ok(slowest < MAX_MS, `${name}: ${slowest.toFixed(0)} ms`)
  }
})

tap.test('the measure finds a pattern that backtracks', t => {
  const text = `${'a'.repeat(25)}!`
  t.ok(msOf(() => /^(a+)+$/.test(text)) > 20 * msOf(() => /^a+$/.test(text)))
  t.end()
})
