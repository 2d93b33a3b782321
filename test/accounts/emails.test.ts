import { test } from 'tap'
import { MAX_EMAIL, checkEmail, emailKey } from '../../src/accounts/names.js'

test('e-mail addresses are those of the HTML standard, stored as given', async t => {
  for (const email of [
    'a@b', 'Ada.Lovelace@Example.COM', 'a+tag@example.com', "o'neil@example.com",
    "!#$%&'*+/=?^_`{|}~-@example.com", 'a..b@example.com', '1@1.1', 'a@xn--mller-kva.example',
    `${'a'.repeat(64)}@b.example`, `a@${'b'.repeat(63)}.example`
  ]) {
    t.same(checkEmail(email), { value: email, key: email.toLowerCase() }, email)
  }
  for (const email of [
    '', 'a', '@', 'a@', '@b', 'a@b@c', 'a b@c', ' a@b', 'a@b ', 'a@b\n', 'a@-b', 'a@b-', 'a@b..c',
    'a@.b', 'a@b.', 'a@b_c', 'a@[127.0.0.1]', '"a"@b', 'a@b,c', 'Ada <a@b.c>',
    'müller@example.com', 'a@müller.example', 'a\0@b', 'a@b\ud800', '[email\u00a0protected]',
    '[email protected]', `a@${'b'.repeat(64)}`, '{"$gt":""}'
  ]) {
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

test('e-mail addresses are found in any letter case', async t => {
  t.equal(emailKey('Ada.Lovelace@EXAMPLE.com'), 'ada.lovelace@example.com')
  t.equal(emailKey('ADA@example.com'), emailKey('ada@EXAMPLE.COM'))
  t.not(emailKey('a.b@example.com'), emailKey('ab@example.com'))
})
