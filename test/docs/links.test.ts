/** Paths that the documents name must exist. */
import { deepEqual, ok } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

const DOCUMENTS = ['docs/architecture.md', 'CONTRIBUTING.md']
/** A path from the root of the repository, in backticks. */
const PATH = /`((?:src|plugins|routes|packages|test|bench|docs|\.ci|\.github)\/[\w./-]*|[A-Z]+\.md)`/g
/** A link of Markdown to a file of the repository. */
const LINK = /\]\((?!https?:|#)([^)#]+)/g

for (const document of DOCUMENTS) {
  t.test(`${document} names only paths that exist`, async () => {
    const text = await readFile(document, 'utf8')
    const paths = [...text.matchAll(PATH)].map(match => match[1]!)
    const links = [...text.matchAll(LINK)].map(match => join(document, '..', match[1]!))
    ok(paths.length > 0)
    deepEqual([...paths, ...links].filter(path => !existsSync(path)), [])
  })
}
