import { defineConfig } from 'vitest/config'
import type { Reporter, TestModule, Vitest } from 'vitest/node'

/** The tests that the mutants of one file are held against, as `scripts/mutation.ts` names them. */
const tests = process.env.QUITTANCE_MUTATION_TESTS?.split(',') ?? []
const needsPostgres = tests.some((file) => file.startsWith('test/db/'))

/** Stryker asks for tests that failed, and a file that could not even be loaded has none: it would count as passed. */
class LoadingErrors implements Reporter {
  private vitest: Vitest | undefined
  onInit(vitest: Vitest): void {
    this.vitest = vitest
  }
  onTestModuleEnd(module: TestModule): void {
    for (const error of module.errors()) this.vitest?.state.catchError(error, 'Unhandled Error')
  }
}

export default defineConfig({
  test: {
    // What `global-setup.ts` starts goes by the name.
    name: needsPostgres ? 'database' : 'unit',
    include: tests,
    setupFiles: 'test/mutation/one-seed.ts',
    ...(needsPostgres && { globalSetup: 'test/support/global-setup.ts' }),
    // A mutant of a table counts when its module is loaded, so each mutant needs it loaded anew.
    isolate: true,
    reporters: [new LoadingErrors()],
  },
})
