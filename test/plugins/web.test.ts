import { test } from 'tap'
import { build } from '../helper.js'

const PATHS = ['/', '/login', '/register', '/avatar', `/c/${'ab'.repeat(12)}:${'cd'.repeat(12)}`]

test('every path of the page has its policy, and nothing inline', async t => {
  const app = await build(t)
  for (const path of PATHS) {
    const { statusCode, headers, body } = await app.inject(path)
    t.equal(statusCode, 200, path)
    t.equal(headers['cache-control'], 'no-cache')
    t.equal(headers['content-security-policy'], "default-src 'none'; script-src 'self'; style-src 'self'; " +
      "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; " +
      "form-action 'self'; frame-ancestors 'none'", 'docs/security.md has the same')
    t.equal(headers['x-content-type-options'], 'nosniff')
    t.notMatch(body, /<script(?![^>]*\bsrc=)|<style|\s(on[a-z]+|style)=/i)
  }
})

test('files are compressed before, and never change', async t => {
  const app = await build(t)
  const { body } = await app.inject('/')
  const [, url] = /src="(\/assets\/[^"]+\.js)"/.exec(body)!
  for (const encoding of ['br', 'gzip']) {
    const { statusCode, headers } = await app.inject({ url: url!, headers: { 'accept-encoding': encoding } })
    t.equal(statusCode, 200)
    t.equal(headers['content-encoding'], encoding)
    t.match(headers['cache-control'], 'immutable')
  }
  for (const none of ['/assets/none.js', '/.stamp', '/index.html']) {
    t.equal((await app.inject(none)).statusCode, 404, none)
  }
  const { statusCode } = await app.inject('/assets/..%2findex.html')
  t.equal(statusCode, 403, 'a path out of the folder is refused')
})

test('WEB=off serves the API alone', async t => {
  const app = await build(t, { WEB: 'off' })
  for (const path of PATHS) t.equal((await app.inject(path)).statusCode, 404, path)
  t.equal((await app.inject('/health')).statusCode, 200)
})
