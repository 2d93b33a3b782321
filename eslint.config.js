import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript'
import importX from 'eslint-plugin-import-x'
import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'
import noImportCycles from './.ci/lint/no-import-cycles.js'

/** Rooms of src/ that do not know Fastify, and the files that all rooms share. */
const DOMAIN = [
  'src/accounts', 'src/avatars', 'src/chat', 'src/concurrency', 'src/database', 'src/rate-limits',
  'src/realtime'
]
const SHARED = [
  'src/config.ts', 'src/errors.ts', 'src/lists.ts', 'src/thrown-errors.ts', 'src/validation.ts'
]
/** Rooms that need no other room. */
const LEAVES = ['src/avatars', 'src/concurrency', 'src/database', 'src/rate-limits']
const OUTER = ['src/http', 'src/api-docs', 'src/app.ts', 'src/server.ts']
const SERVER = ['src', 'plugins', 'routes', 'test', 'bench']

/** Imports run one way: routes -> plugins -> src -> packages. */
const ZONES = [
  zone(['src'], ['plugins', 'routes', 'test', 'bench']),
  zone(['plugins'], ['routes', 'test', 'bench']),
  zone(['routes'], ['test', 'bench']),
  zone(DOMAIN, OUTER),
  zone(SHARED, [...except(DOMAIN, 'src/database'), ...OUTER]),
  zone(['src/http'], [...except(DOMAIN, 'src/concurrency'), ...except(OUTER, 'src/http')]),
  zone(['src/accounts'], ['src/chat', 'src/realtime']),
  // The inbox shows users.
  zone(['src/chat'], ['src/realtime']),
  ...LEAVES.map(room => zone([room], except([...DOMAIN, ...OUTER], room))),
  zone(['packages/embedded-mongo'], [...SERVER, 'packages/protocol', 'packages/client']),
  zone(['packages/protocol'], [...SERVER, 'packages/embedded-mongo', 'packages/client']),
  zone(['packages/client'], [...SERVER, 'packages/embedded-mongo'])
]

function except (rooms, room) {
  return rooms.filter(other => other !== room)
}

function zone (target, from) {
  return { target: target.map(path => `./${path}`), from: from.map(path => `./${path}`) }
}

const FASTIFY = {
  group: ['fastify', 'fastify-plugin', '@fastify/*'],
  message: 'The domain does not know Fastify: it gets what it needs as constructor arguments.'
}

const PRIVATE_MEMBER = {
  selector: ':matches(PropertyDefinition, MethodDefinition, AccessorProperty, TSParameterProperty, ' +
    'TSAbstractPropertyDefinition, TSAbstractMethodDefinition)[accessibility=/^(private|protected)$/]',
  message: 'Use a #private member.'
}

const WEB = ['web/**/*.tsx', 'web/src/**/*.ts']

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  {
    files: ['**/*.ts', '**/*.tsx'],
    rules: {
      // A TypeBox schema and its Static type share one name by convention. TypeScript reports real
      // redeclarations.
      '@typescript-eslint/no-redeclare': 'off'
    }
  },
  {
    rules: {
      '@stylistic/max-len': ['error', { code: 110, ignoreUrls: true }],
      'max-lines': ['error', 250],
      'max-lines-per-function': ['error', 40],
      '@stylistic/max-statements-per-line': ['error', { max: 1 }],
      'no-restricted-syntax': ['error', PRIVATE_MEMBER]
    }
  },
  {
    files: ['**/*.ts'],
    plugins: { 'import-x': importX, house: { rules: { 'no-import-cycles': noImportCycles } } },
    settings: {
      'import-x/resolver-next': [createTypeScriptImportResolver({ project: 'tsconfig.json' })]
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones: ZONES }],
      'house/no-import-cycles': 'error'
    }
  },
  {
    // TypeScript knows the names of the browser, and comments name what an effect leaves out.
    files: WEB,
    rules: { 'no-undef': 'off', 'no-void': 'off' }
  },
  {
    files: [...DOMAIN.map(room => `${room}/**`), ...SHARED],
    // The one place that knows where the driver comes from.
    ignores: ['src/database/driver.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [FASTIFY] }] }
  }
]
