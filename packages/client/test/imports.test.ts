/** What the built client loads at run time: a browser should not have to fetch the schema library. */
import { spawnSync } from 'node:child_process'
import tap from 'tap'

/** A module loader that refuses TypeBox (https://nodejs.org/api/module.html#customization-hooks). */
const HOOKS = `
  export async function resolve (specifier, context, next) {
    if (specifier.startsWith('@sinclair/typebox')) throw new Error('TypeBox was imported')
    return await next(specifier, context)
  }`

/** Imports a package in a process of its own, without TypeBox. */
function importWithoutTypeBox (name: string) {
  const script = `
    import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOKS)}))
    console.log(Object.keys(await import('${name}')).join(' '))`
  return spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' }
  })
}

tap.test('the client loads no TypeBox', async t => {
  const { status, stdout, stderr } = importWithoutTypeBox('chat-app-client')
  t.equal(status, 0, stderr)
  t.match(stdout, /ChatClient/)
})

tap.test('the check notices TypeBox', async t => {
  const { status, stderr } = importWithoutTypeBox('chat-protocol/schemas')
  t.equal(status, 1)
  t.match(stderr, /TypeBox was imported/)
})
