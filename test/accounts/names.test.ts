// @own-process: it measures CPU time
import { test } from 'tap'
import fc from 'fast-check'
import { MAX_EMAIL, checkEmail, checkUsername, emailKey, usernameKey } from '../../src/accounts/names.js'

test('names in letters of any script are accepted as they are', async t => {
  for (const name of ['Müller', 'Bob', 'user1', '007', 'Zoë-Ann', 'ada.lovelace', 'ada_lovelace', 'Ada Lovelace', 'Nguyễn', 'Łukasz', 'Þórr',
    'Олег', 'Γιώργος', 'Ελλάς', 'أحمد', 'דוד', 'राम कुमार', 'สมชาย', 'தமிழ்', 'ქართული', 'Անահիտ', 'ကိုကို', 'አበበ',
    '李小龍', '佐々木', 'たなか太郎', 'ラーメン', '김철수', 'abc한글', '中文ㄅㄆ', 'Tom太郎', '١٢٣أحمد', 'राम१२', 'Олег2', '𐐀𐐁𐐂']) {
    t.match(checkUsername(name), { value: name, key: /./ }, name)
  }
})

test('a name is stored in NFKC', async t => {
  for (const [given, stored] of [['Mu\u0308ller', 'Müller'], ['Ｍüller', 'Müller'], ['ﬁne', 'fine'], ['𝓑𝓸𝓫', 'Bob'], ['a\u00a0b', 'a b'], ['가나다'.normalize('NFD'), '가나다'], ['ｶﾀｶﾅ', 'カタカナ'], ['x²y', 'x2y']] as const) {
    t.match(checkUsername(given), { value: stored }, stored)
  }
})

test('a name has 3 to 30 code points once normalised', async t => {
  const few = { problem: 'must have at least 3 characters' }
  const many = { problem: 'must have at most 30 characters' }
  for (const name of ['', 'a', 'ab', 'é'.normalize('NFD') + 'a', '𐐀𐐁', '太郎']) t.same(checkUsername(name), few, JSON.stringify(name))
  t.match(checkUsername('abc'), { value: 'abc' })
  t.match(checkUsername('a'.repeat(30)), { value: 'a'.repeat(30) })
  t.match(checkUsername('𐐀'.repeat(30)), { value: '𐐀'.repeat(30) }, '30 code points of 60 UTF-16 units')
  t.match(checkUsername('é'.repeat(30).normalize('NFD')), { value: 'é'.repeat(30) }, '30 once composed')
  for (const name of ['a'.repeat(31), '𐐀'.repeat(31), 'ﷺ'.repeat(3), 'a'.repeat(1_000_000)]) t.same(checkUsername(name), many, name.slice(0, 10))
})

test('separators stand singly between words', async t => {
  for (const name of [' abc', 'abc ', 'a  b', 'a._b', '.abc', 'abc.', '-abc', '___', '...', 'a- b', 'a\tb', 'a\nb', 'a\u1680b']) {
    t.match(checkUsername(name), { problem: /single spaces/ }, JSON.stringify(name))
  }
})

test('refuses symbols, emoji, controls and unassigned code points', async t => {
  for (const name of ['👍👍👍', 'abc👍', '🇩🇪🇩🇪', 'a@b.c', '<b>x</b>', 'a\'b', 'a’b', 'a"bc', 'a/b', 'a\\b', 'a$b', 'a+b', 'a♥b', 'abc\0', 'a\x07bc', 'abc\x7f',
    'a\ue000b', 'a\u0378b', 'a\ud800b', '\udc00abc', 'a\uffffb', 'a\u20ddb', '\u0301abc', 'a \u0301b', '[email\u00a0protected]', '{"$ne":1}']) {
    t.match(checkUsername(name), { problem: /letters and digits/ }, JSON.stringify(name))
  }
})

test('invisible characters are refused', async t => {
  for (const code of [0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x202a, 0x202e, 0x2060, 0x2066, 0x2069, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xe0001, 0xe0061, 0xe0100]) {
    t.same(checkUsername(`ab${String.fromCodePoint(code)}c`), { problem: 'must not have invisible characters' }, code.toString(16))
  }
  t.match(checkUsername('abc\u2800'), { problem: /letters and digits/ }, 'the blank of Braille')
})

test('scripts are not mixed, but for Chinese, Japanese and Korean with Latin', async t => {
  for (const name of ['paypаl', 'Αlice', 'Оleg', 'Bоb', 'аbc', 'abcд', 'ελλάc', 'abcא', 'אабв', 'abcराम', 'ab\u0e01c', 'カタカナ한', 'ㄅㄆ한글', 'ひらㄅㄆ', 'Олег太郎', 'ab٣٤', 'राम١', 'ꭺꮃab', 'abꓐc', 'ab\u0585c']) {
    t.same(checkUsername(name), { problem: 'must not mix letters of several scripts' }, name)
  }
})

test('digits are of one system', async t => {
  for (const name of ['أحمد١۲', '١٢3', 'أحمد1٢', 'राम1१', '০১1']) t.same(checkUsername(name), { problem: 'must not mix digits of several systems' }, name)
  for (const name of ['١٢٣', '۱۲۳', 'राम०९', '০১৯', 'abc0123456789']) t.match(checkUsername(name), { value: name }, name)
})

test('letters that pass for others and heaps of marks are refused', async t => {
  for (const name of ['ʻokina', 'oʼneil', 'ǃabc', 'ǀǀǀ', 'ɑbc', 'ɡoogle', 'ᴀdmin', 'ꜱam', 'ʀoot', 'محـمد', 'aꞌb']) {
    t.same(checkUsername(name), { problem: 'must not have letters that look like others' }, name)
  }
  for (const name of ['Z\u0335\u0336\u0337\u0338\u0321algo', 'ab\u0323\u0323c', 'ạ\u0323bc']) {
    t.same(checkUsername(name), { problem: 'must not have several marks on one letter' }, JSON.stringify(name))
  }
})

test('the name that stands for deleted accounts is nobody\'s', async t => {
  for (const name of ['Deleted user', 'DELETED USER', 'deleted\u00a0user', 'Ｄeleted user']) t.same(checkUsername(name), { problem: 'is reserved' }, name)
  t.match(checkUsername('Deleted users'), { value: 'Deleted users' })
})

test('spellings that differ by case or form have one key', async t => {
  for (const [key, ...spellings] of [
    ['müller', 'Müller', 'MÜLLER', 'Mu\u0308ller', 'ｍüller', 'mÜLLER'],
    ['strasse', 'straße', 'STRAẞE', 'STRASSE', 'Straſse'],
    ['ελλάσ', 'ΕΛΛΆΣ', 'ελλάς', 'ελλάσ', 'Ελλάς'],
    ['istanbul', 'İstanbul', 'Istanbul', 'ıstanbul', 'istanbul', 'i\u0307stanbul', 'I\u0307STANBUL'],
    ['jane', 'j\u0307ane', 'JANE'],
    ['олег', 'ОЛЕГ', 'Олег'],
    ['ქართული', 'ᲥᲐᲠᲗᲣᲚᲘ'],
    ['fine', 'ﬁne', 'FINE'],
    ['kelvin', '\u212aelvin']
  ]) {
    for (const spelling of spellings) t.equal(usernameKey(spelling), key, spelling)
  }
  for (const [a, b] of [['müller', 'muller'], ['müller', 'mueller'], ['a.b', 'a_b'], ['abc', 'аbc'], ['élan', 'elan']]) {
    t.not(usernameKey(a!), usernameKey(b!), `${a} is not ${b}`)
  }
})

test('the key of any string is a fixed point, the same in either case and any normal form', async t => {
  const wrong: string[] = []
  const check = (text: string): boolean => {
    const key = usernameKey(text)
    // Upper case of a composed ᾳ with another accent would give that accent to another letter.
    const normal = text.normalize('NFKD')
    return [key, normal.toLowerCase(), normal.toUpperCase(), text.normalize('NFD'), text.normalize('NFKC'), text.normalize('NFKD')].every(other => usernameKey(other) === key)
  }
  for (let code = 0; code < 0x20000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue
    if (!check(String.fromCodePoint(code))) wrong.push(code.toString(16))
  }
  t.same(wrong, [], 'every code point of the first two planes')
  const letter = fc.constantFrom(...'aIiİıjJßẞσςΣΐΰᾳᾼΆſKkéÉ太ǅﬁ0_ ', '\u0307', '\u0308', '\u0323', '\u0301')
  t.doesNotThrow(() => fc.assert(fc.property(fc.array(letter, { maxLength: 6 }).map(letters => letters.join('')), check), { numRuns: 5000, seed: 5009 }), 'strings')
})

test('what is accepted is accepted again and gives its own key', async t => {
  let accepted = 0
  const character = fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constantFrom(...'abcXYZ019 ._-éßİıΣςжя太かカ한א١'))
  t.doesNotThrow(() => fc.assert(fc.property(fc.array(character, { minLength: 3, maxLength: 5 }).map(all => all.join('')), name => {
    const result = checkUsername(name)
    if ('problem' in result) return result.problem !== ''
    accepted++
    const again = checkUsername(result.value)
    return 'value' in again && again.value === result.value && again.key === result.key && usernameKey(name) === result.key && usernameKey(result.value.toUpperCase()) === result.key
  }), { numRuns: 20_000, seed: 5009 }))
  t.ok(accepted > 500, `${accepted} of 20,000 were accepted`)
})

test('e-mail addresses are those of the HTML standard, stored as given', async t => {
  for (const email of ['a@b', 'Ada.Lovelace@Example.COM', 'a+tag@example.com', 'o\'neil@example.com', '!#$%&\'*+/=?^_`{|}~-@example.com', 'a..b@example.com', '1@1.1', 'a@xn--mller-kva.example', `${'a'.repeat(64)}@b.example`, `a@${'b'.repeat(63)}.example`]) {
    t.same(checkEmail(email), { value: email, key: email.toLowerCase() }, email)
  }
  for (const email of ['', 'a', '@', 'a@', '@b', 'a@b@c', 'a b@c', ' a@b', 'a@b ', 'a@b\n', 'a@-b', 'a@b-', 'a@b..c', 'a@.b', 'a@b.', 'a@b_c', 'a@[127.0.0.1]', '"a"@b', 'a@b,c', 'Ada <a@b.c>', 'müller@example.com', 'a@müller.example', 'a\0@b', 'a@b\ud800', '[email\u00a0protected]', '[email protected]', `a@${'b'.repeat(64)}`, '{"$gt":""}']) {
    t.same(checkEmail(email), { problem: 'must be an e-mail address' }, JSON.stringify(email))
  }
})

test('e-mail addresses have up to 254 characters, 64 before the @', async t => {
  const domain = `${'d'.repeat(63)}.${'d'.repeat(63)}.${'d'.repeat(61)}`
  t.equal(`${'a'.repeat(64)}@${domain}`.length, MAX_EMAIL)
  t.match(checkEmail(`${'a'.repeat(64)}@${domain}`), { key: /./ })
  t.match(checkEmail(`${'a'.repeat(64)}@${domain}d`), { problem: /at most 254/ })
  t.match(checkEmail(`${'a'.repeat(65)}@b.example`), { problem: /at most 64/ })
})

test('an e-mail address is found in whatever case it is written', async t => {
  t.equal(emailKey('Ada.Lovelace@EXAMPLE.com'), 'ada.lovelace@example.com')
  t.equal(emailKey('ADA@example.com'), emailKey('ada@EXAMPLE.COM'))
  t.not(emailKey('a.b@example.com'), emailKey('ab@example.com'))
})

test('names and addresses of 100 kB are answered in linear time', async t => {
  const parts = ['a', 'a.', 'a@', '.', '-', '@', ' ', 'é', '\u0301', 'i\u0307', 'a\u0307', '\u0307', 'ﷺ', '太', 'a-', 'a\u0301\u0323', '\ud800']
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
