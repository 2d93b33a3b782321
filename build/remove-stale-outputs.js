/**
 * Removes compiled files whose source is gone. `tsc -b` leaves them, and the server would load a deleted
 * plugin. Runs before every build, in the root folder of the project.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const OUTPUT = /(\.d\.ts|\.js)(\.map)?$/

/** Removes the outputs in a folder that have no `.ts` file at the same place below `sources`. */
function removeStale (outputs, sources) {
  if (!existsSync(outputs)) return
  for (const file of readdirSync(outputs, { recursive: true })) {
    if (!OUTPUT.test(file)) continue
    if (!existsSync(join(sources, file.replace(OUTPUT, '.ts')))) rmSync(join(outputs, file))
  }
}

removeStale('dist', '.')
for (const name of readdirSync('packages')) {
  removeStale(join('packages', name, 'dist'), join('packages', name, 'src'))
}
