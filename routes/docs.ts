import type { App } from '../src/app.js'
import { asyncapi } from '../src/api-docs/asyncapi.js'
import { REALTIME_PAGE_POLICY, realtimePage } from '../src/api-docs/realtime-page.js'

/** The WebSocket protocol for machines and for people, beside the OpenAPI pages of plugins/openapi.ts. */
export default async function docs (fastify: App) {
  const document = asyncapi(fastify.config)
  const page = realtimePage(document, fastify.config)

  fastify.get('/docs/asyncapi.json', { config: { public: true } }, async function asyncapiDocument () {
    return document
  })

  fastify.get('/docs/realtime', { config: { public: true } }, async function realtime (_request, reply) {
    reply.type('text/html; charset=utf-8').header('Content-Security-Policy', REALTIME_PAGE_POLICY)
    return page
  })
}
