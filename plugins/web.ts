import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Every route of the page's router; web/src/router.ts has the same. */
const PAGES = ['/', '/login', '/register', '/avatar', '/c/:conversation']
/** Files with fixed names, besides those in assets/. */
const FILES = ['icon.svg', 'manifest.webmanifest']
/** Names in assets/ contain a hash of their content, so a file never changes. */
const IMMUTABLE = 'public, max-age=31536000, immutable'

/**
 * No inline code or style, and no other host. Avatars are `data:` pictures in `<img>`, which runs no script
 * (SVG 2, secure static mode).
 */
const PAGE_POLICY = Object.entries({
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'manifest-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'self'",
  'frame-ancestors': "'none'"
}).map(([name, value]) => `${name} ${value}`).join('; ')

/** Finds web/dist from plugins/ and from dist/plugins/. */
function findPage (): string | undefined {
  const roots = [dirname(import.meta.dirname), dirname(dirname(import.meta.dirname))]
  return roots.map(root => join(root, 'web/dist')).find(path => existsSync(join(path, 'index.html')))
}

/** The browser client at `/`, from the files that web/build.js made. `WEB=off` serves the API alone. */
export default fp(async function webPlugin (fastify) {
  if (fastify.config.WEB === 'off') return
  const root = findPage()
  if (root === undefined) {
    fastify.log.warn('the page is not built (npm run build): only the API is served')
    return
  }
  await fastify.register(async function page (scope) {
    await scope.register(fastifyStatic, { root, serve: false, preCompressed: true, cacheControl: false })
    servePages(scope)
    serveFiles(scope)
    answerWhetherLoggedIn(scope)
  })
}, { name: 'web', dependencies: ['security', 'auth', 'rate-limits'] })

const PUBLIC = { config: { public: true }, schema: { hide: true } }

function servePages (fastify: FastifyInstance): void {
  for (const path of PAGES) {
    fastify.get(path, PUBLIC, function page (_request, reply): FastifyReply {
      reply.header('Content-Security-Policy', PAGE_POLICY).header('Cache-Control', 'no-cache')
      return reply.sendFile('index.html')
    })
  }
}

function serveFiles (fastify: FastifyInstance): void {
  fastify.get<{ Params: { file: string } }>('/assets/:file', PUBLIC, function asset (request, reply) {
    reply.header('Cache-Control', IMMUTABLE)
    return reply.sendFile(`assets/${request.params.file}`)
  })
  for (const name of FILES) {
    fastify.get(`/${name}`, PUBLIC, function file (_request, reply): FastifyReply {
      reply.header('Cache-Control', 'no-cache')
      return reply.sendFile(name)
    })
  }
}

/** For the page alone: `/user/me` answers 401 without a session, which browsers report as an error. */
function answerWhetherLoggedIn (fastify: FastifyInstance): void {
  fastify.get('/session.json', PUBLIC, async function session (request) {
    return { open: await fastify.sessions.ofCookie(request) !== undefined }
  })
}
