import { createRequire } from 'node:module'

/**
 * The text to store and the key that makes it unique; or a problem that completes "username …" or "email …".
 */
export type Checked = { value: string, key: string } | { problem: string }

/** Code points of a username after normalisation. */
export const MIN_USERNAME = 3
export const MAX_USERNAME = 30

/** RFC 5321, 4.5.3.1: a path has 256 octets, including its angle brackets; a local part has 64. */
export const MAX_EMAIL = 254
const MAX_LOCAL_PART = 64

/**
 * UTF-16 units before normalisation, which may join many into one. There is room for five marks on each
 * letter; longer texts are refused without further work.
 */
const MAX_RAW_USERNAME = 200

/** Names that the server itself shows for deleted accounts. */
const RESERVED = ['Deleted user']

/**
 * ISO 15924 codes of the scripts in Unicode 17 that have letters. Scripts unknown to the running Node are
 * skipped.
 */
const SCRIPTS = `
  Adlm Aghb Ahom Arab Armi Armn Avst Bali Bamu Bass Batk Beng Berf Bhks Bopo Brah Bugi Buhd Cakm Cans Cari
  Cham Cher Chrs Copt Cpmn Cprt Cyrl Deva Diak Dogr Dsrt Dupl Egyp Elba Elym Ethi Gara Geor Glag Gong Gonm
  Goth Gran Grek Gujr Gukh Guru Hang Hani Hano Hatr Hebr Hira Hluw Hmng Hmnp Hung Ital Java Kali Kana Kawi
  Khar Khmr Khoj Kits Knda Krai Kthi Lana Laoo Latn Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand Mani
  Marc Medf Mend Merc Mero Mlym Modi Mong Mroo Mtei Mult Mymr Nagm Nand Narb Nbat Newa Nkoo Nshu Ogam Olck
  Onao Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur
  Sgnw Shaw Shrd Sidd Sidt Sind Sinh Sogd Sogo Sora Soyo Sund Sunu Sylo Syrc Tagb Takr Tale Talu Taml Tang
  Tavt Tayo Telu Tfng Tglg Thaa Thai Tibt Tirh Tnsa Todr Tols Toto Tutg Ugar Vaii Vith Wara Wcho Xpeo Xsux
  Yezi Yiii Zanb`.trim().split(/\s+/)

/** UTS #39, 5.2, "Highly Restrictive": the scripts of Chinese, Japanese and Korean, each with Latin. */
const MIXTURES = ['Latn Hani Hira Kana', 'Latn Hani Bopo', 'Latn Hani Hang']

/** Characters that fit any script (Common, Inherited): separators, ASCII digits, most marks. */
const NEUTRAL = /[\p{Script_Extensions=Zyyy}\p{Script_Extensions=Zinh}]/gu

/** Compiled at first use: all of them take about 40 ms, and most names need one. */
const patterns = new Map<string, RegExp | undefined>()

function isWrittenIn (scripts: string, text: string): boolean {
  if (!patterns.has(scripts)) {
    const classes = scripts.split(' ').map(script => `\\p{Script_Extensions=${script}}`).join('')
    try {
      patterns.set(scripts, new RegExp(`^[${classes}]*$`, 'u'))
    } catch {
      patterns.set(scripts, undefined)
    }
  }
  return patterns.get(scripts)?.test(text) ?? false
}

function mixesScripts (name: string): boolean {
  const text = name.replace(NEUTRAL, '')
  return !['Latn', ...MIXTURES, ...SCRIPTS].some(scripts => isWrittenIn(scripts, text))
}

/**
 * Words of letters, marks and decimal digits that begin with a letter or digit, with one separator between
 * two words.
 */
const WORDS = /^[\p{L}\p{Nd}][\p{L}\p{Nd}\p{Mn}\p{Mc}]*(?:[ ._-][\p{L}\p{Nd}][\p{L}\p{Nd}\p{Mn}\p{Mc}]*)*$/u

/** Invisible letters and marks (Hangul fillers, variation selectors …). */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u

/** Letters that can be mistaken for others or for punctuation. */
const LOOK_ALIKES = [
  // Letters of the script Common.
  '(?=\\p{Script_Extensions=Zyyy})\\p{L}',
  // RFC 5892, 2.6, disallowed exceptions: tatweel and its N'Ko counterpart, vertical kana repeat marks,
  // Hangul tone marks.
  '[\\u302E\\u302F\\u0640\\u07FA\\u3031-\\u3035\\u303B]',
  // Modifier letters: U+02BC and others look like an apostrophe.
  '[\\u02B9-\\u02D1\\u02EC\\u02EE]',
  // Latin phonetic and obsolete letters that look like ASCII: tone letters and clicks,
  '[\\u0184\\u0185\\u01A6\\u01BC\\u01BD\\u01C0-\\u01C3]',
  // script a and g, iota and small capitals.
  '[\\u0251\\u0261\\u0269\\u026A\\u0280\\u028F\\u0299\\u029C\\u029F]',
  '[\\u1D00-\\u1D2B\\uA730\\uA731\\uA78B\\uA78C]'
]
const LOOK_ALIKE = new RegExp(LOOK_ALIKES.join('|'), 'u')

/** UTS #39, 5.4: more than four nonspacing marks in a row, or one of them twice. */
const STACKED_MARKS = /\p{Mn}{5}|(\p{Mn})\1/u

/** The digit zero of a decimal digit's system. The digits of each system are ten code points in a row. */
function zeroOf (digit: string): number {
  let zero = digit.codePointAt(0)!
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return zero
}

/**
 * Full case folding (Unicode, 3.13, toCasefold) over NFKC, which JavaScript lacks. It does not depend on the
 * locale.
 * - Lower case first, because ẞ is its own upper case.
 * - Then upper case, which turns ß into SS and unites σ and ς.
 * - Then lower case again, and ς at the end of a word becomes σ.
 *
 * The Turkish I, İ, ı and i become one, and so do i and i with a second dot: U+0307 after a soft-dotted
 * letter is invisible (UTS #39, 5.4).
 */
function fold (text: string): string {
  // Decomposed, as Unicode's caseless matching (3.13, D146) requires: upper case would move the accents of a
  // composed ᾳ.
  return text.normalize('NFKD')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .normalize('NFKD')
    .replace(/\p{Soft_Dotted}\p{Mn}+/gu, letter => letter.replaceAll('\u0307', ''))
    .normalize('NFKC')
}

/**
 * Makes the key that makes a username unique and finds it at login in any spelling: NFKC, case-folded. It
 * accepts any string, so that a name that cannot be registered is simply not found. The caller bounds the
 * length.
 */
export function usernameKey (username: string): string {
  return fold(username)
}

/**
 * Loaded by the first registration: its table takes 7 MiB, which a process without registrations does not
 * need.
 */
let unhomoglyph: ((text: string) => string) | undefined

/**
 * The common form of all texts that look alike (UTS #39, 4), for one direction of writing. Not for display.
 */
function skeleton (text: string): string {
  unhomoglyph ??= createRequire(import.meta.url)('unhomoglyph') as (text: string) => string
  return unhomoglyph(text.normalize('NFD')).normalize('NFD')
}

/**
 * Makes the common form of usernames that look alike: "Iisa" and "lisa", "0liver" and "Oliver", Cyrillic
 * "сосо" and "coco". It is the skeleton of the folded skeleton of the name, so that letter case counts only
 * if it changes the look of a letter. Takes a name that `checkUsername` accepted.
 */
export function usernameSkeleton (username: string): string {
  return skeleton(fold(skeleton(username)))
}

/**
 * Makes the key that makes an e-mail address unique and finds it: the whole address, case-folded. Domains
 * ignore case (RFC 1035). Local parts may depend on case by RFC 5321, 2.4, which discourages it, and no
 * common provider does so: two accounts that differ only in case would belong to one person, or be mistaken
 * for each other. The caller bounds the length.
 */
export function emailKey (email: string): string {
  return fold(email)
}

/**
 * Checks a username by the rules of PRECIS UsernameCaseMapped (RFC 8265, 3.3), with NFKC and the look-alike
 * rules of UTS #39:
 *
 * - It is normalised to NFKC first (Ｍüller and a decomposed Müller become Müller) and then has 3 to 30 code
 *   points.
 * - It has letters of any script with their marks, and decimal digits; between two words one space, `.`, `-`
 *   or `_`. Everything else is refused: emoji, symbols, apostrophes, controls, format characters, private and
 *   unassigned code points, lone surrogates.
 * - Its letters are of one script, or Latin with Chinese, Japanese or Korean ("Highly Restrictive"). Its
 *   digits are of one system. Invisible characters, stacked marks and letters that look like others are
 *   refused.
 * - It is not "Deleted user" in any spelling, and does not look like it.
 *
 * Whether it looks like the name of another account is checked at registration, by `usernameSkeleton`.
 *
 * @returns the name to store, in NFKC, and its key; or a problem that completes "username …"
 */
export function checkUsername (username: string): Checked {
  if (username.length > MAX_RAW_USERNAME) return { problem: TOO_LONG }
  const value = username.normalize('NFKC')
  const problem = problemOfUsername(value)
  return problem === undefined ? { value, key: usernameKey(value) } : { problem }
}

const TOO_SHORT = `must have at least ${MIN_USERNAME} characters`
const TOO_LONG = `must have at most ${MAX_USERNAME} characters`
const NOT_WORDS = 'must be letters and digits, with single spaces, dots, hyphens or underscores between them'

function problemOfUsername (value: string): string | undefined {
  const length = [...value].length
  if (length < MIN_USERNAME) return TOO_SHORT
  if (length > MAX_USERNAME) return TOO_LONG
  if (INVISIBLE.test(value)) return 'must not have invisible characters'
  if (!WORDS.test(value)) return NOT_WORDS
  if (LOOK_ALIKE.test(value)) return 'must not have letters that look like others'
  if (STACKED_MARKS.test(value.normalize('NFD'))) return 'must not have several marks on one letter'
  if (mixesScripts(value)) return 'must not mix letters of several scripts'
  if (mixesDigits(value)) return 'must not mix digits of several systems'
  return isReserved(value) ? 'is reserved' : undefined
}

function mixesDigits (value: string): boolean {
  return new Set(value.match(/\p{Nd}/gu)?.map(zeroOf)).size > 1
}

function isReserved (value: string): boolean {
  const key = usernameKey(value)
  const look = usernameSkeleton(value)
  return RESERVED.some(name => key === usernameKey(name) || look === usernameSkeleton(name))
}

/**
 * The HTML standard's valid e-mail address, as `<input type=email>` takes it
 * (https://html.spec.whatwg.org/#valid-e-mail-address). No part can match the text of another, so the time is
 * linear.
 */
const LOCAL_PART = "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+"
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const EMAIL = new RegExp(`^${LOCAL_PART}@${LABEL}(?:\\.${LABEL})*$`)

/**
 * Checks an e-mail address: the HTML standard's valid e-mail address, of up to 254 characters, with up to 64
 * before the `@` (RFC 5321, 4.5.3.1). Only ASCII is accepted: an international domain has to be in its `xn--`
 * form. The address is not trimmed and is stored as given. Whether mail arrives there is not checked.
 *
 * @returns the address and its key; or a problem that completes "email …"
 */
export function checkEmail (email: string): Checked {
  if (email.length > MAX_EMAIL) return { problem: `must have at most ${MAX_EMAIL} characters` }
  if (!EMAIL.test(email)) return { problem: 'must be an e-mail address' }
  if (email.indexOf('@') > MAX_LOCAL_PART) {
    return { problem: `must have at most ${MAX_LOCAL_PART} characters before the @` }
  }
  return { value: email, key: emailKey(email) }
}
