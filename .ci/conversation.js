// Starts the built server on a fresh directory, holds one conversation, kills it with -9, and reads
// the conversation again.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'

const dir = mkdtempSync(join(tmpdir(), 'chat-ci-'))
/** The server under way; it must not outlive a failure here. */
let child
process.on('exit', () => {
  child?.kill('SIGKILL')
})

const EMOJI = '👨‍👩‍👧‍👦 🇧🇩 👋🏽'

async function start () {
  const begin = performance.now()
  child = spawn(process.execPath, ['--max-semi-space-size=8', 'dist/src/server.js'], {
    env: { PATH: process.env.PATH, PORT: '0', HOST: '127.0.0.1', DATA_DIR: join(dir, 'data') },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const origin = await new Promise((resolve, reject) => {
    let out = ''
    child.stdout.on('data', chunk => {
      out += chunk
      const url = /chat server: (http:\/\/[^/]+)/.exec(out)
      if (url) resolve(url[1])
    })
    child.on('close', code => {
      reject(new Error(`the server ended with ${code}: ${out}`))
    })
  })
  assert.equal((await fetch(`${origin}/health`)).status, 200)
  const ms = performance.now() - begin
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  // Private memory. The pages of Node's own executable (45 MiB, shared and reclaimable) do not count.
  const memory = Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024
  console.log(`start to first answer: ${Math.round(ms)} ms; private memory: ${Math.round(memory)} MiB`)
  // 75 to 80 MiB were measured.
  assert.ok(memory < 96, 'an idle server takes less than 96 MiB of private memory')
  return origin
}

async function call (origin, method, path, token, body) {
  const response = await fetch(`${origin}/api/v1/${path}`, {
    method,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` })
    },
    ...(body && { body: JSON.stringify(body) })
  })
  assert.ok(response.ok, `${path}: ${response.status}`)
  return await response.json()
}

let origin = await start()
const [anna, ben] = await Promise.all(
  ['Anna', 'Ben'].map(
    async username =>
      await call(origin, 'POST', 'user/register', undefined, {
        username,
        email: `${username}@example.org`,
        password: '12345678'
      })
  )
)
const socket = new WebSocket(`${origin.replace('http', 'ws')}/ws`, {
  headers: { authorization: `Bearer ${ben.token}` }
})
const pushed = new Promise(resolve => {
  socket.on('message', data => {
    const frame = JSON.parse(data)
    if (frame.type === 'message') resolve(frame.message)
  })
})
await once(socket, 'open')
const sent = await call(origin, 'POST', 'addmsg', anna.token, {
  message: EMOJI,
  sender: anna.data._id,
  reciver: ben.data._id,
  createdAt: ''
})
assert.deepEqual(await pushed, sent.data)
child.kill('SIGKILL')
await once(child, 'exit')

origin = await start()
const again = await call(
  origin,
  'GET',
  `getallmessages?sender=${anna.data._id}&reciver=${ben.data._id}`,
  ben.token
)
assert.deepEqual(again.data, [sent.data])
assert.equal(again.data[0].message, EMOJI)
child.kill('SIGTERM')
assert.deepEqual(await once(child, 'exit'), [0, null])
rmSync(dir, { recursive: true })
console.log('the conversation survived kill -9')
