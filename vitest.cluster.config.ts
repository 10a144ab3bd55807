import { defineConfig } from 'vitest/config';

/** Tests against a real kube-apiserver and etcd on loopback. One at a time: the machine has two cores and the API server wants one. */
export default defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    setupFiles: ['test/seed.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 900_000,
    passWithNoTests: false,
  },
});
