import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Two cores, and the end-to-end suites own global things (network namespaces, databases).
    maxWorkers: 2,
  },
});
