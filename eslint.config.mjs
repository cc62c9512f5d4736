import jupyter from '@jupyter/eslint-plugin';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'labextension/lib',
      'labextension/src/api.ts',
      'ui-tests/screenshots'
    ]
  },
  ...tseslint.configs.recommended,
  reactHooks.configs.flat['recommended-latest'],
  ...jupyter.configs.recommended.map(config => ({
    ...config,
    plugins: { jupyter }
  })),
  {
    // Scenes and fixtures speak in the daemon's place, not in the panel's.
    files: ['ui-tests/**', 'labextension/tests/**'],
    rules: { 'jupyter/no-untranslated-string': 'off' }
  },
  {
    rules: {
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      curly: 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: true }
        }
      ]
    }
  }
);
