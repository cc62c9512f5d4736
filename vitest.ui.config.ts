import { defineConfig } from 'vitest/config';

const TIMED = 'ui-tests/many.ui.ts';

// The panel in a real Chromium against a real lab. Each file has a lab of its own: two at a time, as much of a test is
// waiting for a page; what is timed runs when they are done.
export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    minWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'panel',
          include: ['ui-tests/**/*.ui.ts'],
          exclude: [TIMED],
          sequence: { groupOrder: 0 }
        }
      },
      {
        extends: true,
        test: { name: 'timed', include: [TIMED], sequence: { groupOrder: 1 } }
      }
    ]
  }
});
