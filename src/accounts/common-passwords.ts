/** Shorter ones are refused by their length anyhow (http-api.md: 8 to 128), so they need not be kept in memory. */
const MIN_LENGTH = 8

let common: Promise<ReadonlySet<string>> | undefined

async function load (): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'].filter(password => password.length >= MIN_LENGTH))
}

/**
 * Whether a password is among the most common ones of published breaches, in whatever case it is written: 17,950 of 8
 * characters or more, from @zxcvbn-ts/language-common, nothing downloaded. OWASP ASVS 5.0, 6.2.4, asks for the 3,000
 * most common ones that the length allows. Nothing but the whole password is compared; shorter ones are never found.
 *
 * The list is loaded when first asked for: it takes some 30 ms and 16 MB.
 */
export async function isCommonPassword (password: string): Promise<boolean> {
  common ??= load()
  return (await common).has(password.toLowerCase())
}
