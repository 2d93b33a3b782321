import { test } from 'tap'
import { createAvatar } from '@dicebear/core'
import * as funEmoji from '@dicebear/fun-emoji'
import { MAX_OFFERED, offerAvatars } from '../../src/avatars/avatars.js'
import { sanitizeAvatar } from '../../src/avatars/svg.js'

/** What draws: elements with their attributes, without metadata, ids that nothing refers to, and spelling. */
const drawing = (svg: string): string =>
  svg
    .replace(/<metadata.*<\/metadata>/s, '')
    .replace(/ id="([^"]*)"/g, (id, name) => (svg.includes(`#${name}`) ? id : ''))
    .replace(/<([\w]+)([^>]*?)><\/\1>/g, '<$1$2/>')
    .replace(/;"/g, '"')
    .replace(/: /g, ':')
    .replace(/\s*\/>/g, '/>')
    .replace(/>\s+</g, '><')

test('as many avatars are offered as asked for, all different, as base64 SVG', async t => {
  for (const count of [1, 7, MAX_OFFERED]) {
    const offered = await offerAvatars(count)
    t.equal(new Set(offered).size, count)
    for (const avatar of offered) {
      t.match(
        Buffer.from(avatar, 'base64').toString(),
        /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg".*<\/svg>$/
      )
    }
  }
})

test('every offer is another unless a seed is given, and the same for the same seed', async t => {
  t.notSame(await offerAvatars(5), await offerAvatars(5))
  t.notSame(await offerAvatars(5, 'a'), await offerAvatars(5, 'b'))
  const offered = await offerAvatars(20, 'a')
  t.same(await offerAvatars(20, 'a'), offered)
  t.same(await offerAvatars(5, 'a'), offered.slice(0, 5), 'a smaller offer is the beginning of a larger one')
})

test('what is offered can be stored as it is', async t => {
  let different = 0
  for (let i = 0; i < 20; i++) {
    for (const avatar of await offerAvatars(MAX_OFFERED, `offer ${i}`)) {
      const result = sanitizeAvatar(avatar)
      if (!('value' in result) || result.value !== avatar) different++
    }
  }
  t.equal(different, 0)
})

test('an avatar keeps all that it draws', async t => {
  const different: string[] = []
  for (let i = 0; i < 1000; i++) {
    const svg = createAvatar(funEmoji, {
      seed: `${i}`,
      backgroundType: ['solid', 'gradientLinear'],
      rotate: i % 360,
      radius: i % 50
    }).toString()
    const result = sanitizeAvatar(Buffer.from(svg).toString('base64'))
    const stored = 'value' in result ? Buffer.from(result.value, 'base64').toString() : result.problem
    if (drawing(stored) !== drawing(svg)) different.push(`${drawing(stored)}\n${drawing(svg)}`)
  }
  t.same(different, [])
})

test('a count that is not a positive integer, or too large, is refused', async t => {
  for (const count of [0, -1, 1.5, NaN, Infinity, MAX_OFFERED + 1]) {
    await t.rejects(offerAvatars(count), RangeError, `${count}`)
  }
})
