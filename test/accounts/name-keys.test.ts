import { test } from 'tap'
import fc from 'fast-check'
import { checkUsername, usernameKey } from '../../src/accounts/names.js'

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
  for (const [a, b] of [
    ['müller', 'muller'],
    ['müller', 'mueller'],
    ['a.b', 'a_b'],
    ['abc', 'аbc'],
    ['élan', 'elan']
  ]) {
    t.not(usernameKey(a!), usernameKey(b!), `${a} is not ${b}`)
  }
})

test('the key of any string is a fixed point, the same in either case and any normal form', async t => {
  const wrong: string[] = []
  const check = (text: string): boolean => {
    const key = usernameKey(text)
    // Upper case of a composed ᾳ with another accent would give that accent to another letter.
    const normal = text.normalize('NFKD')
    return [
      key,
      normal.toLowerCase(),
      normal.toUpperCase(),
      text.normalize('NFD'),
      text.normalize('NFKC'),
      text.normalize('NFKD')
    ].every(other => usernameKey(other) === key)
  }
  for (let code = 0; code < 0x20000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue
    if (!check(String.fromCodePoint(code))) wrong.push(code.toString(16))
  }
  t.same(wrong, [], 'every code point of the first two planes')
  const letter = fc.constantFrom(...'aIiİıjJßẞσςΣΐΰᾳᾼΆſKkéÉ太ǅﬁ0_ ', '\u0307', '\u0308', '\u0323', '\u0301')
  t.doesNotThrow(
    () =>
      fc.assert(
        fc.property(
          fc.array(letter, { maxLength: 6 }).map(letters => letters.join('')),
          check
        ),
        { numRuns: 5000, seed: 5009 }
      ),
    'strings'
  )
})

test('what is accepted is accepted again and gives its own key', async t => {
  let accepted = 0
  const character = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom(...'abcXYZ019 ._-éßİıΣςжя太かカ한א١')
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.array(character, { minLength: 3, maxLength: 5 }).map(all => all.join('')),
        name => {
          const result = checkUsername(name)
          if ('problem' in result) return result.problem !== ''
          accepted++
          const again = checkUsername(result.value)
          return (
            'value' in again &&
            again.value === result.value &&
            again.key === result.key &&
            usernameKey(name) === result.key &&
            usernameKey(result.value.toUpperCase()) === result.key
          )
        }
      ),
      { numRuns: 20_000, seed: 5009 }
    )
  )
  t.ok(accepted > 500, `${accepted} of 20,000 were accepted`)
})
