/** The process: starting, refusing to start, being killed, ending. Needs the build that `npm test` makes. */
import { execFile } from 'node:child_process'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { Socket } from './helper.js'
import { dataDir, request, ROOT, run, start } from './server.js'

const ANNA = {
  username: 'Müller',
  email: 'mueller@example.org',
  password: '12345678',
  avatarImage: '',
  isAvatarImageSet: false
}
const BEN = { ...ANNA, username: 'Ben', email: 'ben@example.org' }

t.test('prints its address, data directory and docs; the data is still there after a restart', async t => {
  const DATA_DIR = await dataDir(t)
  const first = await start(t, { DATA_DIR })
  const line = first.log.find(entry => entry.includes('chat server'))!
  t.match(line, `${first.origin}/api/v1`)
  t.match(line, `${first.origin}/docs`)
  t.match(line, DATA_DIR)
  t.equal((await stat(DATA_DIR)).mode & 0o777, 0o700)
  t.equal((await request(first.origin, 'POST', '/api/v1/user/register', { body: ANNA })).status, 201)
  t.same(await first.end('SIGTERM'), [0, null])
  const second = await start(t, { DATA_DIR })
  t.equal(
    (
      await request(second.origin, 'POST', '/api/v1/user/login', {
        body: { username: 'müller', password: '12345678' }
      })
    ).status,
    200
  )
  t.same(await second.end('SIGINT'), [0, null])
})

t.test('kill -9 right after an answer to addmsg: after the restart the message is there', async t => {
  const DATA_DIR = await dataDir(t)
  for (let round = 0; round < 3; round++) {
    const server = await start(t, { DATA_DIR })
    const login = async (person: typeof ANNA) => {
      if (round === 0) await request(server.origin, 'POST', '/api/v1/user/register', { body: person })
      return (
        await request(server.origin, 'POST', '/api/v1/user/login', {
          body: { username: person.username, password: person.password }
        })
      ).body
    }
    const [anna, ben] = [await login(ANNA), await login(BEN)]
    const read = await request(
      server.origin,
      'GET',
      `/api/v1/getallmessages?sender=${anna.data._id}&reciver=${ben.data._id}`,
      { token: ben.token }
    )
    t.same(
      read.body.data.map((message: { message: string }) => message.message),
      Array.from({ length: round }, (_, n) => `round ${n}`)
    )
    const sent = await request(server.origin, 'POST', '/api/v1/addmsg', {
      token: anna.token,
      body: { message: `round ${round}`, sender: anna.data._id, reciver: ben.data._id, createdAt: '' }
    })
    t.equal(sent.body.data.seq, round + 1)
    await server.end('SIGKILL')
  }
})

async function refused (t: Test, env: Record<string, string>, line: RegExp): Promise<void> {
  const { code, out, err } = await run({ PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'silent', ...env })
  t.equal(code, 1)
  t.equal(out, '')
  t.match(err, line)
  t.equal(err.trimEnd().split('\n').length, 1, err)
}

t.test('one clear line and exit code 1: port taken', async t => {
  const other = createServer()
  await new Promise<void>(resolve => {
    other.listen(0, '127.0.0.1', resolve)
  })
  const { port } = other.address() as AddressInfo
  await refused(t, { DATA_DIR: await dataDir(t), PORT: String(port) }, new RegExp(`port ${port} is taken`))
  other.close()
})

t.test('one clear line and exit code 1: a data directory of another process, with its pid', async t => {
  const DATA_DIR = await dataDir(t)
  const server = await start(t, { DATA_DIR })
  await refused(t, { DATA_DIR }, new RegExp(`${server.child.pid}`))
})

t.test('one clear line and exit code 1: data directory not writable', async t => {
  const DATA_DIR = await dataDir(t)
  await writeFile(DATA_DIR, 'a file')
  await refused(t, { DATA_DIR }, new RegExp(DATA_DIR))
  await refused(t, { DATA_DIR: '/dev/null/data' }, /\/dev\/null\/data/)
})

t.test('one clear line and exit code 1: data of an unknown format', async t => {
  const DATA_DIR = await dataDir(t)
  await mkdir(DATA_DIR, { mode: 0o700 })
  await writeFile(join(DATA_DIR, 'data.mdb'), 'not a database')
  await refused(t, { DATA_DIR }, /^cannot start: .+\n$/)
})

t.test('one clear line and exit code 1: no database server at MONGODB_URL', async t => {
  const MONGODB_URL = 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200'
  await refused(t, { MONGODB_URL }, /ECONNREFUSED/)
})

t.test('one clear line and exit code 1: a variable that is not valid is named', async t => {
  await refused(t, { PORT: 'x' }, /PORT must be integer/)
  await refused(t, { PORT: '70000' }, /PORT must be <= 65535/)
  await refused(t, { MONGODB_URL: 'postgres://x' }, /MONGODB_URL/)
  await refused(t, { ALLOWED_ORIGINS: 'example' }, /ALLOWED_ORIGINS.*"example"/)
  await refused(t, { TRUST_PROXY: '2' }, /TRUST_PROXY/)
  await refused(t, { REFUSE_COMMON_PASSWORDS: 'maybe' }, /REFUSE_COMMON_PASSWORDS/)
  await refused(t, { LOG_LEVEL: 'loud' }, /LOG_LEVEL/)
})

t.test('--help names every variable with its default', async t => {
  const { code, out } = await run({}, ['--help'])
  t.equal(code, 0)
  for (const name of [
    'PORT (5009)',
    'HOST (localhost)',
    'MONGODB_URL',
    'DATA_DIR (./data)',
    'SESSION_DAYS (30)'
  ]) {
    t.match(out, name)
  }
})

t.test('settings that are risky are warned of at start-up', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t), HTTP_RATE: '0', NODE_ENV: 'development' })
  for (const name of ['REFUSE_COMMON_PASSWORDS', 'HTTP_RATE', 'NODE_ENV']) {
    t.ok(
      server.log.some(line => line.includes('"level":40') && line.includes(name)),
      name
    )
  }
})

t.test('an uncaught error: logged, sockets told, exit 1', async t => {
  const throwOnSignal = "data:text/javascript,process.on('SIGUSR2',()=>{throw new Error('out of the blue')})"
  const server = await start(t, { DATA_DIR: await dataDir(t), NODE_OPTIONS: `--import="${throwOnSignal}"` })
  const { body } = await request(server.origin, 'POST', '/api/v1/user/register', { body: ANNA })
  const socket = new Socket(
    new WebSocket(`${server.origin.replace('http', 'ws')}/ws`, {
      headers: { authorization: `Bearer ${body.token}` }
    })
  )
  await socket.next('hello')
  t.same(await server.end('SIGUSR2'), [1, null])
  await socket.next('bye')
  t.equal((await socket.untilClosed()).code, 1012)
  t.ok(server.log.some(line => line.includes('"level":60') && line.includes('out of the blue')))
})

t.test('signals of a fault, or of a closed terminal, end the process at once', async t => {
  for (const signal of ['SIGSEGV', 'SIGHUP'] as const) {
    const server = await start(t, { DATA_DIR: await dataDir(t) })
    t.same(await server.end(signal), [null, signal])
  }
})

/** The shell script of a section of README.md. */
async function scriptOf (section: string): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const [, script] = new RegExp(`## ${section}\\n[^]*?\`\`\`sh\\n([^]*?)\`\`\``).exec(readme)!
  return script!
}

/** Runs a script of README.md in a shell, and returns what it prints. */
async function runScript (script: string, origin: string): Promise<string> {
  const adapted = script.replaceAll('localhost:5009', origin.slice('http://'.length))
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', adapted], { cwd: ROOT })
  return stdout
}

async function firstConversation (t: Test): Promise<void> {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const stdout = await runScript(await scriptOf('A first conversation'), server.origin)
  t.match(stdout, /"type":"hello"/, 'Ben is greeted')
  t.match(stdout, /"type":"message".*Hello Ben 👋🏽/, 'Ben gets the message at once')
  t.match(stdout, /"data":\[\{.*Hello Ben 👋🏽/, 'and reads it again')
}

/** In the shell of the first conversation. */
async function groupConversation (t: Test): Promise<void> {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const first = await scriptOf('A first conversation')
  // Its variables, without its messages.
  const setUp = first.slice(0, first.indexOf('# Ben listens'))
  const stdout = await runScript(setUp + (await scriptOf('A group conversation')), server.origin)
  // Ben's page of changes below has the same frames.
  const heard = stdout.slice(0, stdout.indexOf('"message":"Messages retrieved"'))
  t.match(heard, /"type":"hello"/, 'Carla is greeted')
  t.match(heard, /"type":"change".*"rev":1,"kind":"group".*Climbing 🧗/, 'Carla hears of the group')
  t.match(heard, /"type":"message".*Sunday at nien\?/, 'gets the message as sent')
  t.match(heard, /"type":"change".*"kind":"reaction".*👍/, 'the reaction')
  t.match(heard, /"type":"change".*"rev":4,"kind":"edit".*Sunday at nine\?/, 'and the edit')
  const read = /"message":"Messages retrieved","data":\[\{.*Sunday at nine\?/
  t.match(stdout, read, 'Ben reads the message as it is')
  const log = /"message":"Changes retrieved","data":\[\{.*Sunday at nien\?.*Sunday at nine\?/
  t.match(stdout, log, 'and the log')
}

// Both at once: each listens for ten seconds.
t.test("the README's conversations, as they are written: curl and wscat", async t => {
  await Promise.all([firstConversation(t), groupConversation(t)])
})
