/** Names and messages that attack the page: nothing runs, nothing is loaded, nothing leaves its place. */
import { test } from 'tap'
import { dataDir, start } from '../../server.js'
import { article, launch, makeGroup, open, registerAll, say, tooWide } from './browser.js'

const ATTACKS = [
  '<script>window.hacked = 1</script>',
  '<img src=x onerror="window.hacked = 1"> in a picture',
  '<style>* { display: none }</style>',
  '<iframe src="https://example.org/frame"></iframe>',
  'javascript:window.hacked=1',
  'data:text/html,<script>window.hacked=1</script>',
  'https://example.org/"onmouseover="window.hacked=1',
  "{{constructor.constructor('window.hacked=1')()}}",
  'https://user@example.org:99999/%00 a strange address',
  '\u202Eright to left override, and \u2066 an isolate that does not end',
  `${'\u0301'.repeat(500)} a pile of accents`,
  'مرحبا بالعالم'
]
/** 100 code points are a group's longest name. */
const NAME = `<img src=x onerror=window.hacked=1> \u202E${'W'.repeat(60)}`
/** 10,000 code points are the longest message. */
const HUGE = 'W'.repeat(10_000)

test('hostile names and messages are only text', async t => {
  const server = await start(t, { DATA_DIR: await dataDir(t) })
  const browser = await launch(t)
  const [anna, ben] = await registerAll(browser, server.origin, ['Anna', 'Ben'])
  await ben!.page.setViewportSize({ width: 320, height: 640 })
  await makeGroup(anna!.page, NAME, ['Ben'])
  await open(ben!.page, NAME)
  for (const text of [...ATTACKS, HUGE]) {
    await say(anna!.page, text)
    await ben!.page.getByRole('log').getByText(text.trim(), { exact: true }).waitFor()
  }
  for (const { page } of [anna!, ben!]) {
    t.same(await tooWide(page), [])
    const log = page.getByRole('log', { name: 'Messages' })
    t.equal(await log.locator('script, img, style, iframe').count(), 0, 'no element of a message')
    const links = await log.getByRole('link')
      .evaluateAll(all => all.map((link: any) => link.getAttribute('href')))
    t.ok(links.every(href => /^https?:\/\/(user@)?example\.org/.test(href!)), `links: ${links.join(' ')}`)
    t.equal(await page.evaluate('window.hacked'), undefined, 'nothing ran')
  }

  await say(anna!.page, `${HUGE}W`)
  await article(anna!.page, HUGE).getByRole('alert').waitFor()
  await article(anna!.page, HUGE).getByRole('button', { name: 'Discard' }).click()
  t.equal(await anna!.page.getByRole('log').getByRole('alert').count(), 0, 'too long, and discarded')
  t.same([...anna!.complaints, ...ben!.complaints], [])
})
