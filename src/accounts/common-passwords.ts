/** Shorter passwords are refused by their length (http-api.md: 8 to 128), so they need no memory. */
const MIN_LENGTH = 8

let common: Promise<ReadonlySet<string>> | undefined

async function load (): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'].filter(password => password.length >= MIN_LENGTH))
}

/**
 * Whether a password is one of the most common ones of published breaches, in any letter case. The list comes
 * from
 * @zxcvbn-ts/language-common and has 17,950 passwords of at least 8 characters; OWASP ASVS 5.0, 6.2.4, asks
 *   for the 3,000 most common ones that the length allows. Only whole passwords are compared, and shorter
 *   ones are never found.
 *
 * The list is loaded at its first use: that takes about 30 ms and 16 MB.
 */
export async function isCommonPassword (password: string): Promise<boolean> {
  common ??= load()
  return (await common).has(password.toLowerCase())
}
