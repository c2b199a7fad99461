// Lint rules; structure that a linter cannot see (layers, budgets, headers) is checked by test/tidy.
import tseslint from 'typescript-eslint';
import { bannedGlobals, coreFolders } from './scripts/core-bans.mjs';

const coreFiles = coreFolders.map((folder) => `debug-adapter/${folder}/**/*.ts`);

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', 'out/', '.cache/', 'media/'] },
  ...tseslint.configs.strict,
  {
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-implicit-coercion': ['error', { boolean: true, number: false, string: true }],
      'no-param-reassign': 'error',
      'no-self-compare': 'error',
      'no-throw-literal': 'error',
      'no-unused-expressions': 'off',
      'default-case-last': 'error',
      complexity: ['error', 30],
      'max-depth': ['error', 5],
      'max-params': ['error', 7],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  {
    files: ['**/*.ts'],
    ignores: ['test/**'],
    rules: {
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'Use a const object or a union of literals.' },
      ],
    },
  },
  {
    files: ['**/*.cjs'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: coreFiles,
    rules: {
      'no-restricted-globals': [
        'error',
        ...Object.entries(bannedGlobals).map(([name, message]) => ({ name, message })),
      ],
    },
  },
);
