/** Attacks over HTTP. Finding numbers are those of the hostile review (docs/security.md). */
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { LONGEST } from '../accounts.js'
import { costlyAvatars } from './avatars.js'
import type { Hostile } from './hostile.js'

/** A little slower than the default HTTP_RATE of 50 a second. */
const REQUEST_MS = 21
/** Requests of which each is costly: one such attack alone stays below half of HTTP_RATE. */
const COSTLY_MS = 50
const LONG_MS = 2_000
/** How long an unread answer is held. */
const HOLD_MS = 15_000
/** Upgraded connections on /health that are held at a time, each for so long. */
const UPGRADE_HOLD_MS = 5_000
/** Password changes under way at a time: as many as HTTP_RATE allows in the 5 s that one may wait. */
const MOST_CHANGES = 250

/** C2: asks for the largest page and reads nothing of it but the status. */
export async function unreadPage (hostile: Hostile): Promise<void> {
  const { account, target } = hostile
  const others = target.full[account.id] ?? [account.id]
  for (let round = 0; !hostile.over; round++) {
    const other = others[round % others.length]
    hostile.tally.attempt()
    const path = `/api/v1/getallmessages?sender=${account.id}&reciver=${other}`
    const { socket, status } = await askWithoutReading(hostile, path)
    hostile.tally.outcome(status)
    await hostile.pause(status === '200' ? HOLD_MS : REQUEST_MS * 10)
    socket.destroy()
  }
}

/** Sends a request and stops reading after the first bytes of the answer. */
async function askWithoutReading (
  hostile: Hostile,
  path: string
): Promise<{ socket: Socket; status: string }> {
  const { hostname, port, host } = new URL(hostile.target.origin)
  const { token, address } = hostile.account
  const socket = connect({ host: hostname, port: Number(port), localAddress: address })
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n\r\n`)
  const status = await new Promise<string>(resolve => {
    const over = () => {
      resolve('over')
    }
    hostile.signal.addEventListener('abort', over, { once: true })
    socket.once('data', (head: Buffer) => {
      socket.pause()
      resolve(head.toString('latin1', 9, 12))
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? 'failed')
    })
    socket.on('close', () => {
      resolve('closed')
      hostile.signal.removeEventListener('abort', over)
    })
  })
  return { socket, status }
}

/** M1: changes its own password, with the right one, as fast as it is allowed to. */
export async function passwordChanges (hostile: Hostile): Promise<void> {
  const { password } = hostile.account
  const body = { oldPassword: password, newPassword: password }
  await hostile.stream(REQUEST_MS, MOST_CHANGES, async () => {
    await hostile.call('POST', '/api/v1/user/password', { body })
  })
}

/** Logs in with the right password, and out again: the hundredth session would end the other attacks'. */
export async function logins (hostile: Hostile): Promise<void> {
  const { username, password } = hostile.account
  await hostile.repeat(COSTLY_MS, async () => {
    const options = { body: { username, password }, whole: true }
    const answer = await hostile.call('POST', '/api/v1/user/login', options)
    if (answer?.status !== 200) return
    await hostile.call('POST', '/api/v1/user/logout', { token: JSON.parse(answer.text).token })
  })
}

/** M7: sends an old message again and again; whoever comes anew gets all that follow it. */
export async function repeats (hostile: Hostile): Promise<void> {
  const {
    account: { id },
    target
  } = hostile
  await hostile.repeat(COSTLY_MS, async () => {
    await hostile.call('POST', '/api/v1/addmsg', { body: { sender: id, ...target.repeats[id] } })
  })
}

/** Sends the longest messages to itself. Rarely: the disk of whoever runs this is not the target. */
export async function longMessages (hostile: Hostile): Promise<void> {
  const {
    account: { id }
  } = hostile
  await hostile.repeat(LONG_MS, async () => {
    await hostile.call('POST', '/api/v1/addmsg', { body: { sender: id, reciver: id, message: LONGEST } })
  })
}

/** Reads a list page by page to its end, then anew. */
async function pageThrough (hostile: Hostile, path: string): Promise<void> {
  let after: string | undefined
  await hostile.repeat(REQUEST_MS, async () => {
    const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`
    const answer = await hostile.call('GET', path + query)
    after = answer?.status === 200 ? /"next":"([^"]+)"\}$/.exec(answer.text)?.[1] : undefined
  })
}

/** M4: reads the list of all users to its end. */
export async function allUsers (hostile: Hostile): Promise<void> {
  await pageThrough(hostile, `/api/v1/allusers/${hostile.account.id}`)
}

/** M4: reads the page of all users that follows a name. */
async function userPage (hostile: Hostile, after: string): Promise<void> {
  await hostile.repeat(REQUEST_MS, async () => {
    await hostile.call('GET', `/api/v1/allusers/${hostile.account.id}?after=${encodeURIComponent(after)}`)
  })
}

export async function firstPage (hostile: Hostile): Promise<void> {
  await userPage(hostile, hostile.target.pages.first)
}

export async function lastPage (hostile: Hostile): Promise<void> {
  await userPage(hostile, hostile.target.pages.last)
}

/** M3: reads its inbox. */
export async function inbox (hostile: Hostile): Promise<void> {
  await pageThrough(hostile, '/api/v1/conversations')
}

/** L11: sets avatars that take long to check or to draw. */
export async function avatars (hostile: Hostile): Promise<void> {
  const {
    account: { id }
  } = hostile
  let round = 0
  await hostile.repeat(COSTLY_MS * 2, async () => {
    const avatarImage = costlyAvatars[round++ % costlyAvatars.length]!
    await hostile.call('POST', `/api/v1/setAvatar/${id}`, { body: { _id: id, avatarImage } })
  })
}

/** L4: asks for another protocol where there is none, without a session. */
export async function healthUpgrades (hostile: Hostile): Promise<void> {
  await hostile.repeat(COSTLY_MS * 4, async () => {
    hostile.tally.attempt()
    hostile.tally.outcome(await upgradeHealth(hostile))
  })
}

async function upgradeHealth ({ target, account: { address }, signal }: Hostile): Promise<string> {
  return await new Promise(resolve => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64')
    }
    const options = { headers, agent: false, localAddress: address, signal }
    const outgoing = request(`${target.origin}/health`, options)
    outgoing.on('upgrade', (response, socket) => {
      socket.on('error', () => {})
      setTimeout(() => {
        socket.destroy()
      }, UPGRADE_HOLD_MS)
      resolve(String(response.statusCode))
    })
    outgoing.on('response', response => {
      response.resume()
      resolve(String(response.statusCode))
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? 'failed')
    })
    outgoing.end()
  })
}

/** Asks whether the database answers; no limit counts probes. */
export async function probes (hostile: Hostile): Promise<void> {
  await hostile.repeat(REQUEST_MS, async () => {
    await hostile.call('GET', '/ready')
  })
}
