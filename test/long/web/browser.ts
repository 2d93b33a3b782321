/** Chromium for the tests of the page: people in browsers of their own, whose every complaint is kept. */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import type { Lifetime } from '../../server.js'

const PROGRAMS = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome']

/** Starts Chromium. Without it the test fails, and says what to install. */
export async function launch (t: Lifetime): Promise<Browser> {
  const executablePath = PROGRAMS.find(path => existsSync(path))
  if (executablePath === undefined) {
    throw new Error('Chromium is missing: apt-get install chromium, or set CHROMIUM')
  }
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  t.teardown(async () => await browser.close())
  return browser
}

const PASSWORD = 'correct horse 1'

export interface Visitor { page: Page, complaints: string[] }

/**
 * A browser profile of its own. Complaints: console errors, CSP reports, exceptions, requests to other hosts.
 */
export async function visit (browser: Browser, origin: string, options: object = {}): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  return await newTab(context, origin)
}

/** Another page of the same profile. */
export async function newTab (context: BrowserContext, origin: string): Promise<Visitor> {
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    const isOwn = request.url().startsWith(origin) || request.url().startsWith('data:')
    if (!isOwn) complaints.push(`request to ${request.url()}`)
  })
  await page.goto(origin)
  return { page, complaints }
}

/** Registers by the page, saves the first avatar, and waits for the conversations. */
export async function register (page: Page, name: string): Promise<void> {
  await page.getByRole('link', { name: 'Register instead' }).click()
  await page.getByRole('textbox', { name: 'Username' }).fill(name)
  await page.getByRole('textbox', { name: 'E-mail' }).fill(`${name.toLowerCase()}@example.org`)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Register' }).click()
  await page.getByRole('heading', { name: 'Choose your avatar' }).waitFor()
  await page.getByRole('radio').nth(1).check()
  await page.getByRole('button', { name: 'Save avatar' }).click()
  await page.getByRole('navigation', { name: 'Conversations' }).waitFor()
}

/** Registers each of them in a browser of its own. Each sees all others at once. */
export async function registerAll (browser: Browser, origin: string, names: string[]): Promise<Visitor[]> {
  const visitors = []
  for (const name of names) {
    const visitor = await visit(browser, origin)
    await register(visitor.page, name)
    visitors.push(visitor)
  }
  for (const { page } of visitors) await page.reload()
  return visitors
}

/** Logs in who is registered. */
export async function logIn (page: Page, name: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Username' }).fill(name)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('navigation', { name: 'Conversations' }).waitFor()
}

/** Makes a group of the user and these people, and opens it. */
export async function makeGroup (page: Page, name: string, members: string[]): Promise<void> {
  await page.getByRole('button', { name: 'New group' }).click()
  await page.getByRole('textbox', { name: 'Group name' }).fill(name)
  for (const member of members) await page.getByRole('checkbox', { name: member }).check()
  await page.getByRole('button', { name: 'Create group' }).click()
  await page.getByRole('heading', { name }).waitFor()
}

/** Opens the conversation with a person or a group. */
export async function open (page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name }).click()
  await page.getByRole('heading', { name }).waitFor()
}

export async function say (page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text)
  await page.keyboard.press('Enter')
}

/** The message with a text. */
export function article (page: Page, text: string) {
  return page.getByRole('log', { name: 'Messages' }).getByRole('article').filter({ hasText: text })
}

/** Opens the menu of the message with a text. */
export async function openMenu (page: Page, text: string): Promise<void> {
  await article(page, text).hover()
  await article(page, text).getByRole('button', { name: 'Message actions' }).click()
  await page.getByRole('menu').waitFor()
}

/** Chooses from the menu of the message with a text. */
export async function choose (page: Page, text: string, item: string): Promise<void> {
  await openMenu(page, text)
  await page.getByRole('menuitem', { name: item }).click()
}

/** What is wider than its place: the page itself, and boxes that would scroll sideways. */
export async function tooWide (page: Page): Promise<string[]> {
  return await page.evaluate(`(() => {
    const boxes = [...document.querySelectorAll('body *')]
      .filter(element => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX))
    return [document.documentElement, ...boxes]
      .filter(box => box.clientWidth > 0 && box.scrollWidth > box.clientWidth + 1)
      .map(box => box.tagName + '.' + box.className + ' ' + box.scrollWidth + ' > ' + box.clientWidth)
  })()`)
}

/**
 * Resolves with the time at which a condition, an expression, holds in the page. Playwright's waitForFunction
 * needs `eval`, which the page's policy forbids.
 */
export async function until (page: Page, condition: string): Promise<number> {
  return await page.evaluate(`new Promise(resolve => {
    const look = () => ${condition} ? resolve(Date.now()) : requestAnimationFrame(look)
    look()
  })`)
}
