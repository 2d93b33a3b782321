/** People talk in real browsers. */
import { EventEmitter, once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { test, type Test } from 'tap'
import { dataDir, start } from '../../server.js'
import { article, choose, launch, open, register, registerAll, say, until, visit } from './browser.js'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Serious findings of axe-core, which comes in by the debugger: the page's policy does not bind that. */
async function findings (page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'))
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: any }
    const { violations } = await axe.run()
    return violations.filter(({ impact }: any) => ['serious', 'critical'].includes(impact))
      .map(({ id, nodes }: any) => `${id}: ${nodes[0].html}`)
  })
}

/** A message with a reaction, a reply, an edit and a deletion, each seen by the other person. */
async function changeMessages (anna: Page, ben: Page): Promise<void> {
  await choose(ben, 'Hello Ben', 'React')
  await ben.getByRole('button', { name: '👍' }).click()
  await article(anna, 'Hello Ben').getByRole('button', { name: '👍' }).waitFor()
  await choose(ben, 'Hello Ben', 'Reply')
  await say(ben, 'My answer')
  await article(anna, 'My answer').filter({ hasText: 'Hello Ben' }).waitFor()
  await ben.keyboard.press('ArrowUp')
  await ben.getByRole('textbox', { name: 'Message' }).fill('My better answer')
  await ben.keyboard.press('Enter')
  await article(anna, 'My better answer').filter({ hasText: 'edited' }).waitFor()
  await choose(ben, 'My better answer', 'Delete')
  await article(anna, 'deleted').waitFor()
}

async function writeOffline (anna: Page, ben: Page): Promise<void> {
  await anna.context().setOffline(true)
  await anna.getByRole('status').filter({ hasText: 'Offline' }).waitFor()
  await say(anna, 'written offline')
  await article(anna, 'written offline').getByText('Queued').waitFor()
  await anna.context().setOffline(false)
  await article(ben, 'written offline').waitFor()
}

async function eachOnce (t: Test, page: Page): Promise<void> {
  await page.getByRole('status').filter({ hasText: 'Up to date' }).waitFor()
  await article(page, 'written while').waitFor()
  t.equal(await article(page, 'written while').count(), 1, 'once')
  t.equal(await article(page, 'written offline').count(), 1, 'once')
}

test('two people talk, over a killed server and a network that is away', async t => {
  const DATA_DIR = await dataDir(t)
  const server = await start(t, { DATA_DIR })
  const browser = await launch(t)
  const anna = await visit(browser, server.origin)
  t.same(await findings(anna.page), [], 'log in')
  await register(anna.page, 'Anna')
  const ben = await visit(browser, server.origin)
  await register(ben.page, 'Ben')

  await anna.page.getByRole('searchbox', { name: 'Search' }).fill('Ben')
  await open(anna.page, 'Ben')
  await open(ben.page, 'Anna')
  await say(anna.page, 'Hello Ben <b>&</b> https://example.org/ :smile:')
  await article(ben.page, 'Hello Ben <b>&</b>').waitFor()
  const link = article(ben.page, 'Hello Ben').getByRole('link')
  t.equal(await link.getAttribute('rel'), 'noopener noreferrer')
  await article(anna.page, 'Hello Ben').getByText('Read').waitFor()

  await changeMessages(anna.page, ben.page)
  t.same(await findings(anna.page), [], 'the chat')

  await writeOffline(anna.page, ben.page)
  await anna.page.getByRole('button', { name: 'Emoji' }).click()
  await anna.page.locator('emoji-picker').getByRole('menuitem').first().waitFor()
  await anna.page.keyboard.press('Escape')
  const unexpected = anna.complaints.filter(text => !text.includes('ERR_INTERNET_DISCONNECTED'))
  t.same([...unexpected, ...ben.complaints], [])

  const { port } = new URL(server.origin)
  await server.end('SIGKILL')
  await anna.page.getByRole('status').filter({ hasText: 'Connecting' }).waitFor()
  await say(anna.page, 'written while the server was dead')
  await start(t, { DATA_DIR, PORT: port })
  await article(ben.page, 'written while the server was dead').waitFor()
  await anna.page.reload()
  for (const { page } of [anna, ben]) await eachOnce(t, page)
})

test('a group of three, settings, and a session that ended elsewhere', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const people = []
  for (const name of ['Anna', 'Ben', 'Carla']) {
    const options = name === 'Ben' ? { viewport: { width: 390, height: 800 } } : {}
    const visitor = await visit(browser, server.origin, options)
    await register(visitor.page, name)
    people.push(visitor)
  }
  const [anna, ben, carla] = people.map(({ page }) => page) as [Page, Page, Page]
  await carla.getByRole('button', { name: 'New group' }).click()
  await carla.getByRole('textbox', { name: 'Group name' }).fill('Climbing')
  await carla.getByRole('checkbox', { name: 'Anna' }).check()
  await carla.getByRole('checkbox', { name: 'Ben' }).check()
  t.same(await findings(carla), [], 'the dialog')
  await carla.getByRole('button', { name: 'Create group' }).click()
  await carla.getByRole('heading', { name: 'Climbing' }).waitFor()
  await say(carla, 'Sunday at nine?')
  for (const page of [anna, ben]) {
    await open(page, 'Climbing')
    await article(page, 'Sunday at nine?').filter({ hasText: 'Carla' }).waitFor()
  }
  await say(ben, '🎉')
  await article(carla, '🎉').waitFor()
  await ben.getByRole('button', { name: 'Back' }).click()
  t.same(people.flatMap(({ complaints }) => complaints), [])

  await carla.getByRole('button', { name: 'Settings' }).click()
  await carla.getByRole('button', { name: 'Log out' }).click()
  await carla.getByRole('heading', { name: 'Log in' }).waitFor()
  await carla.getByRole('textbox', { name: 'Username' }).fill('Carla')
  await carla.getByLabel('Password').fill('wrong password')
  await carla.getByRole('button', { name: 'Log in' }).click()
  await carla.getByRole('alert').waitFor()
  t.equal(await carla.getByRole('textbox', { name: 'Username' }).inputValue(), 'Carla')

  await anna.evaluate(async () => await fetch('/api/v1/user/logout', { method: 'POST' }).then(() => {}))
  await anna.getByRole('heading', { name: 'Log in' }).waitFor()
})

test('what arrives while the messages are fetched is shown', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const [anna, ben] = await registerAll(browser, server.origin, ['Anna', 'Ben'])
  await open(ben!.page, 'Anna')
  await say(ben!.page, 'Hello Ana')
  await article(ben!.page, 'Hello Ana').getByRole('button', { name: 'Message actions' }).waitFor()
  const [fetched, released] = [new EventEmitter(), new EventEmitter()]
  const isFetched = once(fetched, 'page')
  const isReleased = once(released, 'page')
  await anna!.page.route('**/messages?*', async route => {
    const response = await route.fetch()
    fetched.emit('page')
    await isReleased
    await route.fulfill({ response })
  })
  await open(anna!.page, 'Ben')
  await isFetched
  await ben!.page.getByRole('textbox', { name: 'Message' }).press('ArrowUp')
  await say(ben!.page, 'Hello Anna')
  await anna!.page.getByRole('navigation').getByText('Hello Anna').waitFor()
  await say(anna!.page, 'Hello Ben')
  await article(ben!.page, 'Hello Ben').waitFor()
  await until(anna!.page, "!Object.keys(localStorage).some(key => key.startsWith('outbox:'))")
  released.emit('page')
  await article(anna!.page, 'Hello Anna').waitFor()
  await article(anna!.page, 'Hello Ben').getByRole('button', { name: 'Message actions' }).waitFor()
  t.same([...anna!.complaints, ...ben!.complaints], [])
})
