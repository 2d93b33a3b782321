/**
 * Switches off the domains of tap, which assign an error outside the promise of a test to that test. They
 * watch each promise of the process, which costs a tenth of the time of `npm test`. Without them such an
 * error ends the process, and test/run.ts reports the file with the error and its stack.
 *
 * test/run.ts loads this file before tap.
 */
import asyncHooks from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

const none: asyncHooks.AsyncHook = {
  enable: () => none,
  disable: () => none
}
asyncHooks.createHook = () => none
syncBuiltinESMExports()
