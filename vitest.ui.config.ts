import { defineConfig } from 'vitest/config';

// The panel in a real Chromium against a real lab: one file at a time, each with a lab of its own.
export default defineConfig({
  test: {
    include: ['ui-tests/**/*.ui.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
});
