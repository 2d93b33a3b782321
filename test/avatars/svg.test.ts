import { test } from 'tap'
import { MAX_AVATAR_BYTES, sanitizeAvatar } from '../../src/avatars/svg.js'
import { accepted, base64, NS, sanitize, svg, XLINK } from './helper.js'
import { HOSTILE_DOCUMENTS } from './hostile-documents.js'
import { HOSTILE_DRAWINGS } from './hostile-drawings.js'
import { INKSCAPE, PICTURES, SHADOW } from './pictures.js'

const notBase64: Array<[name: string, payload: string]> = [
  ['the placeholder of the original README', 'PHuNTQx=PHN2ZyB4bmYwMDAwOyIvPjwvc3ZnPg==='],
  ['an SVG as it is', svg('')],
  ['a data URL', `data:image/svg+xml;base64,${base64(svg(''))}`],
  ['white space inside', base64(svg('<g/>')).replace(/^(.{8})/, '$1\n')],
  ['white space around', ` ${base64(svg(''))}`],
  [
    'padding left out',
    base64(svg('') + ' '.repeat(((3 - ((svg('').length + 1) % 3)) % 3) + 2)).replace(/=*$/, '')
  ],
  ['padding too many', `${base64(svg(''))}=`],
  ['the URL-safe alphabet', base64(svg('<text>???>>></text>')).replace(/\+/g, '-').replace(/\//g, '_')],
  ['bits left over', 'QQ'.padEnd(4, '=').replace('QQ', 'QR')],
  ['a letter beyond ASCII', `${base64(svg(''))}é`],
  ['a null', `${base64(svg(''))}\0`]
]

test('hostile avatars are refused, and the problem names the reason', async t => {
  for (const [name, payload, problem] of [...HOSTILE_DOCUMENTS, ...HOSTILE_DRAWINGS]) {
    const result = sanitize(payload)
    t.match('problem' in result ? result.problem : 'accepted', problem, name)
  }
})

test('input that is not canonical base64 is refused with that reason', async t => {
  for (const [name, payload] of notBase64) {
    t.match(sanitizeAvatar(payload), { problem: /^must be base64/ }, name)
  }
  t.match(sanitizeAvatar(''), { problem: /well-formed/ }, 'the empty string is no SVG')
  t.match(
    sanitizeAvatar('A'.repeat(5_000_000)),
    { problem: /at most 32768 bytes/ },
    'too long is refused before it is decoded'
  )
})

test('a bad document does not affect the next one', async t => {
  t.match(sanitize(Buffer.from([0xe2, 0x82])), { problem: /UTF-8/ })
  t.equal(accepted(t, svg('<g/>'), 'after a cut UTF-8 sequence'), `<svg ${NS}><g/></svg>`)
})

test("declaration, comments, metadata and editors' notes are dropped and the picture is kept", async t => {
  t.equal(
    accepted(t, INKSCAPE, 'Inkscape'),
    `<svg ${NS} width="64" height="64" viewBox="0 0 64 64">` +
      '<defs><linearGradient id="a"><stop style="stop-color:#ff0000;stop-opacity:1" offset="0"/>' +
      '</linearGradient>' +
      '<linearGradient id="b" href="#a" x1="0" gradientUnits="userSpaceOnUse"/></defs>' +
      '<g><path style="fill:url(#b);stroke:none" d="m 1.5,2       -3e-2,4 z"/></g></svg>'
  )
  t.equal(
    accepted(t, svg('<g id="a"/><use xlink:href="#b" href="#a"/><g id="b"/>', XLINK), 'both kinds of href'),
    `<svg ${NS}><g id="a"/><use href="#a"/><g/></svg>`,
    'href counts where xlink:href is there too'
  )
})

test('the usual pictures pass and keep what they show', async t => {
  for (const [name, inside] of Object.entries(PICTURES)) {
    t.equal(accepted(t, svg(inside, 'viewBox="0 0 36 36"'), name), svg(inside, 'viewBox="0 0 36 36"'), name)
  }
})

test('an avatar of exactly 32 KiB passes', async t => {
  const empty = svg('<path d="M"/>').replace(`${NS} >`, `${NS}>`)
  t.equal(
    accepted(t, empty.replace('"M"', `"M${'1'.repeat(MAX_AVATAR_BYTES - empty.length)}"`), 'full').length,
    MAX_AVATAR_BYTES
  )
})

test('six shadows as Figma writes them, a pattern of dots, and a page of text pass', async t => {
  const shadows = Array.from(
    { length: 6 },
    (_, i) => `<filter id="f${i}">${SHADOW}</filter><path d="M0 0h9v9z" filter="url(#f${i})"/>`
  ).join('')
  accepted(t, svg(shadows), 'shadows')
  accepted(
    t,
    svg(
      '<pattern id="p" width="4" height="4"><circle r="1"/></pattern>' +
        '<rect width="99" height="99" fill="url(#p)"/><circle r="9" fill="url(#p)"/>'
    ),
    'dots'
  )
  accepted(t, svg(`<text>${'a '.repeat(1_000)}</text>`), 'text')
})
