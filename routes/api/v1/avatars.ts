import type { App } from '../../../src/app.js'
import { AvatarsQuery, AvatarsReply } from '../../../src/accounts/schemas.js'
import { avatarPool } from '../../../src/avatars/avatar-pool.js'
import { AVATAR_CREDIT, offerAvatars } from '../../../src/avatars/avatars.js'
import { replies } from '../../../src/http/schemas.js'

/** As many as the page of the original server offered. */
const DEFAULT_COUNT = 4

export default async function avatars (fastify: App) {
  const choose = avatarPool(offerAvatars)

  fastify.get('/avatars', {
    schema: {
      tags: ['users'],
      summary: 'Emoji avatars to choose from',
      description: AVATAR_CREDIT,
      operationId: 'avatars',
      querystring: AvatarsQuery,
      response: replies(200, AvatarsReply)
    },
    config: { public: true }
  }, async function avatars (request) {
    const data = await choose(request.query.count ?? DEFAULT_COUNT)
    return { success: 'success' as const, message: 'Avatars retrieved successfully' as const, data }
  })
}
