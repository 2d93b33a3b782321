// @own-process: it measures CPU time
import { test } from 'tap'
import { checkEmail, checkUsername, emailKey, usernameKey } from '../../src/accounts/names.js'

test('names in letters of any script are accepted as they are', async t => {
  for (const name of [
    'Müller', 'Bob', 'user1', '007', 'Zoë-Ann', 'ada.lovelace', 'ada_lovelace', 'Ada Lovelace',
    'Nguyễn', 'Łukasz', 'Þórr', 'Олег', 'Γιώργος', 'Ελλάς', 'أحمد', 'דוד', 'राम कुमार', 'สมชาย',
    'தமிழ்', 'ქართული', 'Անահիտ', 'ကိုကို', 'አበበ', '李小龍', '佐々木', 'たなか太郎', 'ラーメン', '김철수', 'abc한글',
    '中文ㄅㄆ', 'Tom太郎', '١٢٣أحمد', 'राम१२', 'Олег2', '𐐀𐐁𐐂'
  ]) {
    t.match(checkUsername(name), { value: name, key: /./ }, name)
  }
})

test('a name is stored in NFKC', async t => {
  for (const [given, stored] of [
    ['Mu\u0308ller', 'Müller'],
    ['Ｍüller', 'Müller'],
    ['ﬁne', 'fine'],
    ['𝓑𝓸𝓫', 'Bob'],
    ['a\u00a0b', 'a b'],
    ['가나다'.normalize('NFD'), '가나다'],
    ['ｶﾀｶﾅ', 'カタカナ'],
    ['x²y', 'x2y']
  ] as const) {
    t.match(checkUsername(given), { value: stored }, stored)
  }
})

test('a name has 3 to 30 code points once normalised', async t => {
  const few = { problem: 'must have at least 3 characters' }
  const many = { problem: 'must have at most 30 characters' }
  for (const name of ['', 'a', 'ab', 'é'.normalize('NFD') + 'a', '𐐀𐐁', '太郎']) {
    t.same(checkUsername(name), few, JSON.stringify(name))
  }
  t.match(checkUsername('abc'), { value: 'abc' })
  t.match(checkUsername('a'.repeat(30)), { value: 'a'.repeat(30) })
  t.match(checkUsername('𐐀'.repeat(30)), { value: '𐐀'.repeat(30) }, '30 code points of 60 UTF-16 units')
  t.match(checkUsername('é'.repeat(30).normalize('NFD')), { value: 'é'.repeat(30) }, '30 once composed')
  for (const name of ['a'.repeat(31), '𐐀'.repeat(31), 'ﷺ'.repeat(3), 'a'.repeat(1_000_000)]) {
    t.same(checkUsername(name), many, name.slice(0, 10))
  }
})

test('separators are single and between words', async t => {
  for (const name of [
    ' abc',
    'abc ',
    'a  b',
    'a._b',
    '.abc',
    'abc.',
    '-abc',
    '___',
    '...',
    'a- b',
    'a\tb',
    'a\nb',
    'a\u1680b'
  ]) {
    t.match(checkUsername(name), { problem: /single spaces/ }, JSON.stringify(name))
  }
})

test('refuses symbols, emoji, controls and unassigned code points', async t => {
  for (const name of [
    '👍👍👍',
    'abc👍',
    '🇩🇪🇩🇪',
    'a@b.c',
    '<b>x</b>',
    "a'b",
    'a’b',
    'a"bc',
    'a/b',
    'a\\b',
    'a$b',
    'a+b',
    'a♥b',
    'abc\0',
    'a\x07bc',
    'abc\x7f',
    'a\ue000b',
    'a\u0378b',
    'a\ud800b',
    '\udc00abc',
    'a\uffffb',
    'a\u20ddb',
    '\u0301abc',
    'a \u0301b',
    '[email\u00a0protected]',
    '{"$ne":1}'
  ]) {
    t.match(checkUsername(name), { problem: /letters and digits/ }, JSON.stringify(name))
  }
})

test('invisible characters are refused', async t => {
  for (const code of [
    0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f,
    0x202a, 0x202e, 0x2060, 0x2066, 0x2069, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xe0001, 0xe0061, 0xe0100
  ]) {
    t.same(
      checkUsername(`ab${String.fromCodePoint(code)}c`),
      { problem: 'must not have invisible characters' },
      code.toString(16)
    )
  }
  t.match(checkUsername('abc\u2800'), { problem: /letters and digits/ }, 'the blank of Braille')
})

test('scripts are not mixed, but for Chinese, Japanese and Korean with Latin', async t => {
  for (const name of [
    'paypаl',
    'Αlice',
    'Оleg',
    'Bоb',
    'аbc',
    'abcд',
    'ελλάc',
    'abcא',
    'אабв',
    'abcराम',
    'ab\u0e01c',
    'カタカナ한',
    'ㄅㄆ한글',
    'ひらㄅㄆ',
    'Олег太郎',
    'ab٣٤',
    'राम١',
    'ꭺꮃab',
    'abꓐc',
    'ab\u0585c'
  ]) {
    t.same(checkUsername(name), { problem: 'must not mix letters of several scripts' }, name)
  }
})

test('digits of different systems are not mixed', async t => {
  for (const name of ['أحمد١۲', '١٢3', 'أحمد1٢', 'राम1१', '০১1']) {
    t.same(checkUsername(name), { problem: 'must not mix digits of several systems' }, name)
  }
  for (const name of ['١٢٣', '۱۲۳', 'राम०९', '০১৯', 'abc0123456789']) {
    t.match(checkUsername(name), { value: name }, name)
  }
})

test('look-alike letters and stacked marks are refused', async t => {
  for (const name of [
    'ʻokina',
    'oʼneil',
    'ǃabc',
    'ǀǀǀ',
    'ɑbc',
    'ɡoogle',
    'ᴀdmin',
    'ꜱam',
    'ʀoot',
    'محـمد',
    'aꞌb'
  ]) {
    t.same(checkUsername(name), { problem: 'must not have letters that look like others' }, name)
  }
  for (const name of ['Z\u0335\u0336\u0337\u0338\u0321algo', 'ab\u0323\u0323c', 'ạ\u0323bc']) {
    t.same(
      checkUsername(name),
      { problem: 'must not have several marks on one letter' },
      JSON.stringify(name)
    )
  }
})

test('the name that is shown for deleted accounts cannot be registered', async t => {
  for (const name of ['Deleted user', 'DELETED USER', 'deleted\u00a0user', 'Ｄeleted user']) {
    t.same(checkUsername(name), { problem: 'is reserved' }, name)
  }
  t.match(checkUsername('Deleted users'), { value: 'Deleted users' })
})

test('names and addresses of 100 kB are answered in linear time', async t => {
  const parts = [
    'a',
    'a.',
    'a@',
    '.',
    '-',
    '@',
    ' ',
    'é',
    '\u0301',
    'i\u0307',
    'a\u0307',
    '\u0307',
    'ﷺ',
    '太',
    'a-',
    'a\u0301\u0323',
    '\ud800'
  ]
  for (const part of parts) {
    const text = part.repeat(100_000 / part.length)
    for (const [name, work] of Object.entries({ checkUsername, checkEmail, usernameKey, emailKey })) {
      const start = process.cpuUsage()
      work(text)
      work(`a@a${text}`)
      const taken = process.cpuUsage(start).user / 1000
      // The slowest takes some 40 ms; quadratic work on 100,000 characters takes many seconds.
      t.ok(taken < 1000, `${name} of ${JSON.stringify(part)}: ${taken.toFixed(1)} ms`)
    }
  }
})
