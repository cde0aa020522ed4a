import { defineConfig } from 'vitest/config'

const globalSetup = 'test/support/global-setup.ts'

/** A project per kind of test, so that a run starts only the parts that its tests need. */
export default defineConfig({
  test: {
    // Two, because a laptop that also runs Postgres, Temporal and Kafka has little more to give.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Loading everything anew for each file took a sixth of the run. Modules keep nothing that one file could leave another.
    isolate: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          maxWorkers: 3,
          include: [
            'test/bench/**/*.test.ts',
            'test/chaos/**/*.test.ts',
            'test/domain/**/*.test.ts',
            'test/events/**/*.test.ts',
            'test/local/**/*.test.ts',
            'test/mutation/**/*.test.ts',
            'test/soak/**/*.test.ts',
            'test/*.test.ts',
          ],
        },
      },
      {
        extends: true,
        test: { name: 'workflow', maxWorkers: 3, include: ['test/workflows/**/*.test.ts'], globalSetup },
      },
      {
        extends: true,
        test: { name: 'database', maxWorkers: 3, include: ['test/db/**/*.test.ts'], globalSetup },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          maxWorkers: 3,
          include: [
            'test/activities/**/*.test.ts',
            'test/api/**/*.test.ts',
            'test/inbox/**/*.test.ts',
            'test/providers/**/*.test.ts',
            'test/setup/**/*.test.ts',
            'test/worker/**/*.test.ts',
          ],
          globalSetup,
        },
      },
      {
        extends: true,
        test: {
          name: 'end-to-end',
          include: ['test/cli/**/*.test.ts', 'test/end-to-end/**/*.test.ts'],
          globalSetup,
          // Whole stacks, killed and restarted: after everything else. They wait for timeouts more than they work.
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        // Each server killed, each answer and webhook lost, and samples of long proofs: `npm run faults`. Not a part of
        // `npm test`, which is to be quick.
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup,
          sequence: { groupOrder: 3 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        // A stack that starts its own parts, and so needs the machine for itself.
        test: {
          name: 'start',
          include: ['test/start/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 180_000,
        },
      },
    ],
  },
})
