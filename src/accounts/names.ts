import { createRequire } from 'node:module'

/** What a name is stored as and what makes it unique; or why it is refused, completing "username …" or "email …". */
export type Checked = { value: string, key: string } | { problem: string }

/** Code points of a username once normalised (issue: 3 to 30). */
export const MIN_USERNAME = 3
export const MAX_USERNAME = 30

/** RFC 5321, 4.5.3.1: a path has 256 octets with its angle brackets; a local part 64. */
export const MAX_EMAIL = 254
const MAX_LOCAL_PART = 64

/** UTF-16 units before normalisation, which may join many into one: five marks a letter and room, and no work for more. */
const MAX_RAW_USERNAME = 200

/** Names that the server itself shows: a deleted account is "Deleted user". */
const RESERVED = ['Deleted user']

/** ISO 15924 codes of the scripts in Unicode 17 that have letters. Those that this Node does not know are left out. */
const SCRIPTS = `
  Adlm Aghb Ahom Arab Armi Armn Avst Bali Bamu Bass Batk Beng Berf Bhks Bopo Brah Bugi Buhd Cakm Cans Cari Cham Cher
  Chrs Copt Cpmn Cprt Cyrl Deva Diak Dogr Dsrt Dupl Egyp Elba Elym Ethi Gara Geor Glag Gong Gonm Goth Gran Grek Gujr
  Gukh Guru Hang Hani Hano Hatr Hebr Hira Hluw Hmng Hmnp Hung Ital Java Kali Kana Kawi Khar Khmr Khoj Kits Knda Krai
  Kthi Lana Laoo Latn Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand Mani Marc Medf Mend Merc Mero Mlym Modi Mong
  Mroo Mtei Mult Mymr Nagm Nand Narb Nbat Newa Nkoo Nshu Ogam Olck Onao Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag
  Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Sgnw Shaw Shrd Sidd Sidt Sind Sinh Sogd Sogo Sora Soyo Sund
  Sunu Sylo Syrc Tagb Takr Tale Talu Taml Tang Tavt Tayo Telu Tfng Tglg Thaa Thai Tibt Tirh Tnsa Todr Tols Toto Tutg
  Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb`.trim().split(/\s+/)

/** UTS #39, 5.2, Highly Restrictive: the scripts that Chinese, Japanese and Korean are written in, with Latin. */
const MIXTURES = ['Latn Hani Hira Kana', 'Latn Hani Bopo', 'Latn Hani Hang']

/** Characters of no script or of the script before them, which go with any: separators, ASCII digits, most marks. */
const NEUTRAL = /[\p{Script_Extensions=Zyyy}\p{Script_Extensions=Zinh}]/gu

/** Compiled when first asked for: all of them take some 40 ms, and most names need one. */
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

/** Words of letters, marks and decimal digits that begin with a letter or digit; one separator between two. */
const WORDS = /^[\p{L}\p{Nd}][\p{L}\p{Nd}\p{Mn}\p{Mc}]*(?:[ ._-][\p{L}\p{Nd}][\p{L}\p{Nd}\p{Mn}\p{Mc}]*)*$/u

/** Letters and marks that show nothing (Hangul fillers, variation selectors …). */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u

/**
 * Letters that pass for others or for punctuation:
 * - letters of no script, and modifier letters (U+02BC and the like look like an apostrophe);
 * - RFC 5892, 2.6, disallowed exceptions: tatweel, its N'Ko like, vertical kana repeat marks, Hangul tone marks;
 * - Latin phonetic and obsolete letters drawn like ASCII ones: tone letters, clicks, script a and g, iota, small capitals.
 */
const LOOK_ALIKE = new RegExp('(?=\\p{Script_Extensions=Zyyy})\\p{L}|[\\u302E\\u302F\\u0640\\u07FA\\u3031-\\u3035\\u303B]|' +
  '[\\u02B9-\\u02D1\\u02EC\\u02EE]|[\\u0184\\u0185\\u01A6\\u01BC\\u01BD\\u01C0-\\u01C3\\u0251\\u0261\\u0269\\u026A\\u0280\\u028F\\u0299\\u029C\\u029F\\u1D00-\\u1D2B\\uA730\\uA731\\uA78B\\uA78C]', 'u')

/** UTS #39, 5.4: more than four nonspacing marks in a row, or one of them twice. */
const STACKED_MARKS = /\p{Mn}{5}|(\p{Mn})\1/u

/** The digit zero of the system that a decimal digit belongs to: each is ten code points in a row. */
function zeroOf (digit: string): number {
  let zero = digit.codePointAt(0)!
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return zero
}

/**
 * Full case folding (Unicode, 3.13, toCasefold) over NFKC, which this language lacks: lower case, because ẞ has no
 * upper case but itself; upper case, which writes ß as SS and makes one of σ and ς; lower case again, where the sigma
 * at the end of a word has to be undone. Independent of locale. The Turkish I, İ, ı and i are all one, as are i and i
 * with a second dot (U+0307 after a soft-dotted letter shows nothing; UTS #39, 5.4).
 */
function fold (text: string): string {
  // Decomposed, as Unicode's caseless matching (3.13, D146) asks: upper case would move the accents of a composed ᾳ.
  return text.normalize('NFKD').toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ')
    .normalize('NFKD').replace(/\p{Soft_Dotted}\p{Mn}+/gu, letter => letter.replaceAll('\u0307', '')).normalize('NFKC')
}

/**
 * What makes a username unique and finds it at login, however it is spelled: NFKC, case-folded. Takes any string, so
 * that a name that could never be registered is simply not found; the caller bounds its length.
 */
export function usernameKey (username: string): string {
  return fold(username)
}

/** Loaded by the first registration: its table takes 7 MiB, which a process that only logs people in does not need. */
let unhomoglyph: ((text: string) => string) | undefined

/** UTS #39, 4: what all texts that look alike have in common, in one direction of writing. Not for display. */
function skeleton (text: string): string {
  unhomoglyph ??= createRequire(import.meta.url)('unhomoglyph') as (text: string) => string
  return unhomoglyph(text.normalize('NFD')).normalize('NFD')
}

/**
 * What usernames that look alike have in common: "Iisa" and "lisa", "0liver" and "Oliver", Cyrillic "сосо" and "coco".
 * It is the skeleton of the name as it is shown, folded, and the skeleton of that, so that letter case makes no
 * difference unless it changes how a letter looks. Takes a name that `checkUsername` accepted.
 */
export function usernameSkeleton (username: string): string {
  return skeleton(fold(skeleton(username)))
}

/**
 * What makes an e-mail address unique and finds it: the whole of it case-folded. Domains know no case (RFC 1035); local
 * parts may by RFC 5321, 2.4, which discourages it, and no provider in common use does: two accounts that differ by
 * case alone would be one person, or two taken for one. The caller bounds the length.
 */
export function emailKey (email: string): string {
  return fold(email)
}

/**
 * The rule for usernames, that of PRECIS UsernameCaseMapped (RFC 8265, 3.3) with NFKC and the look-alike rules of UTS #39:
 *
 * - normalised to NFKC first (Ｍüller and a decomposed Müller become Müller); then 3 to 30 code points;
 * - letters of any script with their marks, and decimal digits; between two words one space, `.`, `-` or `_`; so no
 *   emoji, symbols, apostrophes, controls, format characters, private or unassigned code points, nor lone surrogates;
 * - one script, or Latin with Chinese, Japanese or Korean ("Highly Restrictive"); digits of one system; nothing
 *   invisible, no heaps of marks, no letters made to be taken for others;
 * - not "Deleted user", in any spelling, nor what looks like it.
 *
 * That a name must not look like that of another account is checked where it is registered, by `usernameSkeleton`.
 *
 * @returns the name to store, in NFKC, and its key; or a problem that completes "username …"
 */
export function checkUsername (username: string): Checked {
  if (username.length > MAX_RAW_USERNAME) return { problem: `must have at most ${MAX_USERNAME} characters` }
  const value = username.normalize('NFKC')
  const length = [...value].length
  if (length < MIN_USERNAME) return { problem: `must have at least ${MIN_USERNAME} characters` }
  if (length > MAX_USERNAME) return { problem: `must have at most ${MAX_USERNAME} characters` }
  if (INVISIBLE.test(value)) return { problem: 'must not have invisible characters' }
  if (!WORDS.test(value)) return { problem: 'must be letters and digits, with single spaces, dots, hyphens or underscores between them' }
  if (LOOK_ALIKE.test(value)) return { problem: 'must not have letters that look like others' }
  if (STACKED_MARKS.test(value.normalize('NFD'))) return { problem: 'must not have several marks on one letter' }
  if (mixesScripts(value)) return { problem: 'must not mix letters of several scripts' }
  if (new Set(value.match(/\p{Nd}/gu)?.map(zeroOf)).size > 1) return { problem: 'must not mix digits of several systems' }
  const key = usernameKey(value)
  const isReserved = RESERVED.some(name => key === usernameKey(name) || usernameSkeleton(value) === usernameSkeleton(name))
  return isReserved ? { problem: 'is reserved' } : { value, key }
}

/** https://html.spec.whatwg.org/#valid-e-mail-address: what `<input type=email>` takes. No part can match another's text. */
const EMAIL = /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/

/**
 * The rule for e-mail addresses: the HTML standard's "valid e-mail address", up to 254 characters, 64 before the `@`
 * (RFC 5321, 4.5.3.1). ASCII alone: an international domain in its `xn--` form. Nothing is trimmed, and it is stored as
 * given. That somebody reads it is not checked.
 *
 * @returns the address and its key; or a problem that completes "email …"
 */
export function checkEmail (email: string): Checked {
  if (email.length > MAX_EMAIL) return { problem: `must have at most ${MAX_EMAIL} characters` }
  if (!EMAIL.test(email)) return { problem: 'must be an e-mail address' }
  if (email.indexOf('@') > MAX_LOCAL_PART) return { problem: `must have at most ${MAX_LOCAL_PART} characters before the @` }
  return { value: email, key: emailKey(email) }
}
