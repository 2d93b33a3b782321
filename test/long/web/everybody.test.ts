/** By keyboard alone, in a narrow window, and how long a message takes. */
import type { Page } from 'playwright-core'
import { test } from 'tap'
import { dataDir, start } from '../../server.js'
import { article, launch, makeGroup, open, registerAll, say, tooWide, until, visit } from './browser.js'

/** More stops of Tab than a page of two people has. */
const MOST_STOPS = 40

/** Presses Tab, or Shift+Tab, until the focus is on what has this name. */
async function tabTo (page: Page, name: string, key = 'Tab'): Promise<void> {
  for (let n = 0; n < MOST_STOPS; n++) {
    await page.keyboard.press(key)
    const label = await page.evaluate<string>(`(() => {
      const { activeElement } = document
      return activeElement.getAttribute('aria-label') ?? activeElement.innerText ?? ''
    })()`)
    if (label.startsWith(name)) return
  }
  throw new Error(`${name} is not reached by ${key}`)
}

test('by keyboard alone, from log-in to a reaction', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const [, ben] = await registerAll(browser, server.origin, ['Anna', 'Ben'])
  await open(ben!.page, 'Anna')
  await say(ben!.page, 'Hello Anna')

  const { page, complaints } = await visit(browser, server.origin)
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  await page.keyboard.type('Anna')
  await page.keyboard.press('Tab')
  await page.keyboard.type('correct horse 1')
  await page.keyboard.press('Enter')
  await page.getByRole('navigation').getByRole('link', { name: 'Ben' }).waitFor()
  await tabTo(page, 'Ben')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Ben' }).waitFor()
  await page.keyboard.type('Hello Ben')
  await page.keyboard.press('Enter')
  await article(ben!.page, 'Hello Ben').waitFor()
  await article(page, 'Hello Ben').getByRole('button', { name: 'Message actions' }).waitFor()

  await tabTo(page, 'Message actions', 'Shift+Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('menu').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('menu').waitFor({ state: 'detached' })
  t.equal(await page.evaluate('document.activeElement.ariaLabel'), 'Message actions', 'the focus is back')
  await page.keyboard.press('Enter')
  await page.getByRole('menu').waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: '👍' }).waitFor()
  await page.keyboard.press('Enter')
  await article(ben!.page, 'Hello Ben').getByRole('button', { name: '👍' }).waitFor()
  t.same([...complaints, ...ben!.complaints], [])
})

test('320 pixels are enough', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const [anna] = await registerAll(browser, server.origin, ['Anna', 'Benedikta.Maximiliane'])
  const { page } = anna!
  await page.setViewportSize({ width: 320, height: 640 })
  t.same(await tooWide(page), [], 'conversations')
  await makeGroup(page, 'Climbing on Sundays at nine', ['Benedikta.Maximiliane'])
  await say(page, `Look: https://example.org/${'long'.repeat(40)}`)
  await article(page, 'Look').waitFor()
  t.same(await tooWide(page), [], 'a conversation')
  await page.getByRole('button', { name: 'Group details' }).click()
  await page.getByRole('button', { name: 'Make admin' }).waitFor()
  t.same(await tooWide(page), [], 'a group')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Back' }).click()
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('dialog').getByText('this device').waitFor()
  t.same(await tooWide(page), [], 'settings')
  await page.getByRole('button', { name: 'Log out', exact: true }).click()
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  t.same(await tooWide(page), [], 'log in')
})

/** Resolves with the time at which a text is on the screen. */
const seen = async (page: Page, text: string) =>
  await until(page, `document.querySelector('[role="log"]').textContent.includes('${text}')`)

test('from Enter to the other screen', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const [anna, ben] = await registerAll(browser, server.origin, ['Anna', 'Ben'])
  await open(anna!.page, 'Ben')
  await open(ben!.page, 'Anna')
  await anna!.page.evaluate('addEventListener("keydown", () => { window.pressed = Date.now() }, true)')
  const times: number[] = []
  for (let n = 0; n < 20; n++) {
    const text = `message ${n}.`
    const shown = seen(ben!.page, text)
    await say(anna!.page, text)
    times.push(await shown - await anna!.page.evaluate<number>('window.pressed'))
  }
  times.sort((a, b) => a - b)
  t.comment(`Enter to the other screen: median ${times[10]} ms, longest ${times[19]} ms`)
  t.ok(times[0]! >= 0 && times[0]! < 200, 'the budget is 200 ms')
  t.same([...anna!.complaints, ...ben!.complaints], [])
})
