import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  {
    files: ['**/*.ts'],
    rules: {
      // A TypeBox schema and its Static type share one name by convention; TypeScript itself reports true redeclarations.
      '@typescript-eslint/no-redeclare': 'off'
    }
  }
]
