/** What people may do to each other: blocks, and the roles of a group. */
import type { Page } from 'playwright-core'
import { test } from 'tap'
import { dataDir, start } from '../../server.js'
import {
  article, choose, launch, makeGroup, open, openMenu, registerAll, say, type Visitor
} from './browser.js'

const complaintsOf = (people: Visitor[]) => people.flatMap(({ complaints }) => complaints)

test('a blocked person cannot write, and can again afterwards', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const people = await registerAll(browser, server.origin, ['Anna', 'Ben'])
  const [anna, ben] = people.map(({ page }) => page) as [Page, Page]
  await open(anna, 'Ben')
  await open(ben, 'Anna')
  await say(anna, 'Goodbye')
  await article(ben, 'Goodbye').waitFor()
  await anna.getByRole('button', { name: 'Block' }).click()
  await anna.getByRole('button', { name: 'Unblock' }).waitFor()

  await say(ben, 'Are you there?')
  await article(ben, 'Are you there?').getByRole('alert').waitFor()
  await choose(ben, 'Goodbye', 'React')
  await ben.getByRole('button', { name: '👍' }).click()
  await ben.locator('.problem').waitFor()
  t.equal(await article(anna, 'Are you there?').count(), 0, 'did not arrive')

  await anna.getByRole('button', { name: 'Settings' }).click()
  await anna.getByRole('dialog').getByRole('button', { name: 'Unblock' }).click()
  await anna.getByText('You block nobody.').waitFor()
  await anna.keyboard.press('Escape')
  await article(ben, 'Are you there?').getByRole('button', { name: 'Try again' }).click()
  await article(anna, 'Are you there?').waitFor()
  t.equal(await article(anna, 'Are you there?').count(), 1, 'once')
  t.same(complaintsOf(people), [])
})

async function details (page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Group details' }).click()
  await page.getByRole('dialog').waitFor()
}

const member = (page: Page, name: string) =>
  page.getByRole('dialog').getByRole('listitem').filter({ hasText: name })

/** Carla's message is read when both others have read it. */
async function readByAll ([anna, ben, carla]: [Page, Page, Page]): Promise<void> {
  await say(carla, 'Who comes?')
  await open(anna, 'Climbing')
  await article(carla, 'Who comes?').getByTitle('Read by Anna', { exact: true }).waitFor()
  await article(carla, 'Who comes?').getByText('Delivered').waitFor()
  await open(ben, 'Climbing')
  await article(carla, 'Who comes?').getByText('Read', { exact: true }).waitFor()
}

test('roles of a group: reading, deleting, removing, leaving', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const people = await registerAll(browser, server.origin, ['Anna', 'Ben', 'Carla'])
  const pages = people.map(({ page }) => page) as [Page, Page, Page]
  const [anna, ben, carla] = pages
  await makeGroup(carla, 'Climbing', ['Anna', 'Ben'])
  await readByAll(pages)

  await details(carla)
  await member(carla, 'Ben').getByRole('button', { name: 'Make admin' }).click()
  await member(carla, 'Ben').getByText('admin', { exact: true }).waitFor()
  await carla.keyboard.press('Escape')
  await details(ben)
  await ben.getByRole('textbox', { name: 'Group name' }).waitFor()
  await ben.keyboard.press('Escape')

  await say(anna, 'Something rude')
  await article(ben, 'Something rude').waitFor()
  await openMenu(anna, 'Who comes?')
  t.same(await anna.getByRole('menuitem').allTextContents(), ['Reply', 'React'], 'a member')
  await anna.keyboard.press('Escape')
  await openMenu(ben, 'Something rude')
  t.same(await ben.getByRole('menuitem').allTextContents(), ['Reply', 'React', 'Delete'], 'an admin')
  await ben.getByRole('menuitem', { name: 'Delete' }).click()
  for (const page of pages) await article(page, 'deleted').filter({ hasText: 'Anna' }).waitFor()

  await details(anna)
  await anna.getByRole('button', { name: 'Leave group' }).click()
  await anna.getByRole('heading', { name: 'Climbing' }).waitFor({ state: 'detached' })
  await carla.getByText('2 members').waitFor()
  await details(carla)
  await member(carla, 'Ben').getByRole('button', { name: 'Remove' }).click()
  await ben.getByRole('heading', { name: 'Climbing' }).waitFor({ state: 'detached' })
  t.equal(await ben.getByRole('navigation').getByRole('link', { name: 'Climbing' }).count(), 0)
  await carla.getByText('1 member', { exact: true }).waitFor()
  t.same(complaintsOf(people), [])
})
