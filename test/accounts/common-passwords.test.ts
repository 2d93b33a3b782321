import { test } from 'tap'
import { isCommonPassword } from '../../src/accounts/common-passwords.js'

test('the passwords that everybody tries first are common', async t => {
  for (const password of [
    '12345678',
    '123456789',
    'password',
    'password1',
    'qwertyuiop',
    'iloveyou',
    'trustno1',
    'football',
    'sunshine',
    'princess',
    '11111111',
    '1q2w3e4r',
    'admin123'
  ]) {
    t.equal(await isCommonPassword(password), true, password)
  }
})

test('letter case does not make a common password another', async t => {
  for (const password of ['PASSWORD', 'Password1', 'QwertyUiop', 'ILoveYou', 'Trustno1']) {
    t.equal(await isCommonPassword(password), true, password)
  }
})

test('other passwords are not common', async t => {
  for (const password of [
    'correct horse battery staple',
    'k7$Gw2!pQz',
    'Müllers Kühe',
    '12345678 ',
    ' 12345678',
    'password12345678password',
    '🙂🙂🙂🙂🙂🙂🙂🙂',
    '',
    'constructor',
    '__proto__',
    'x'.repeat(128)
  ]) {
    t.equal(await isCommonPassword(password), false, JSON.stringify(password))
  }
})
