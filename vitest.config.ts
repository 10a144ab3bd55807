import { defineConfig } from 'vitest/config';

/** Unit and contract tests: no network, no cluster. Forks, because better-sqlite3 is a native addon and some tests start workers. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/cluster/**', 'node_modules/**'],
    setupFiles: ['test/seed.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    passWithNoTests: false,
  },
});
