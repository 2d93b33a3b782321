/** One person on two devices, and in two tabs. */
import type { Page } from 'playwright-core'
import { test } from 'tap'
import { dataDir, start } from '../../server.js'
import { article, launch, logIn, newTab, open, registerAll, say, until, visit } from './browser.js'

/** The number of unread messages of a conversation, if it is this one. */
const unread = (page: Page, name: string, count: number) =>
  page.getByRole('navigation', { name: 'Conversations' }).getByRole('link').filter({ hasText: name })
    .getByText(String(count), { exact: true })

test('a second device is in step', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const [anna, ben] = await registerAll(browser, server.origin, ['Anna', 'Ben'])
  const second = await visit(browser, server.origin)
  await logIn(second.page, 'Anna')

  await open(ben!.page, 'Anna')
  for (const text of ['one', 'two', 'three']) await say(ben!.page, text)
  for (const { page } of [anna!, second]) await unread(page, 'Ben', 3).waitFor()
  await until(second.page, "document.title === '(3) Chat'")
  await open(anna!.page, 'Ben')
  await article(ben!.page, 'three').getByText('Read').waitFor()
  await unread(second.page, 'Ben', 3).waitFor({ state: 'detached' })
  await until(second.page, "document.title === 'Chat'")

  await say(anna!.page, 'from the first device')
  await open(second.page, 'Ben')
  await article(second.page, 'from the first device').waitFor()
  await say(second.page, 'from the second device')
  await article(anna!.page, 'from the second device').waitFor()
  t.equal(await article(anna!.page, 'from the second device').count(), 1)
  t.same([anna!, ben!, second].flatMap(({ complaints }) => complaints), [])
})

test('two tabs, one of which closes with a message that was not sent', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const [anna, ben] = await registerAll(browser, server.origin, ['Anna', 'Ben'])
  await open(anna!.page, 'Ben')
  await open(ben!.page, 'Anna')
  const context = anna!.page.context()
  // The data of the emoji never comes: `:smile:` must not wait for it.
  await context.route('**/assets/data-*.json', () => {})
  const other = await newTab(context, server.origin)
  await open(other.page, 'Ben')
  await say(other.page, 'first :smile:')
  for (const { page } of [anna!, ben!]) await article(page, 'first :smile:').waitFor()

  await context.setOffline(true)
  await anna!.page.getByRole('status').filter({ hasText: 'Offline' }).waitFor()
  await say(anna!.page, 'second :smile:')
  await article(anna!.page, 'second :smile:').getByText('Queued').waitFor()
  await anna!.page.close()
  await context.setOffline(false)
  await other.page.reload()
  for (const { page } of [other, ben!]) {
    await article(page, 'second :smile:').waitFor()
    await page.getByRole('status').filter({ hasText: 'Up to date' }).waitFor()
    t.equal(await article(page, 'second :smile:').count(), 1, 'once')
  }
  const unexpected = other.complaints.filter(text => !text.includes('ERR_INTERNET_DISCONNECTED'))
  t.same([...unexpected, ...ben!.complaints], [])

  const third = await newTab(context, server.origin)
  await third.page.getByRole('navigation', { name: 'Conversations' }).waitFor()
  await other.page.getByRole('button', { name: 'Settings' }).click()
  await other.page.getByRole('button', { name: 'Log out', exact: true }).click()
  await third.page.getByRole('heading', { name: 'Log in' }).waitFor()
})
