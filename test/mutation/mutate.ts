import { Stryker } from '@stryker-mutator/core'
import type { MutantResult } from './score.ts'
import type { Subject } from './subjects.ts'

type Level = ConstructorParameters<typeof Stryker>[0]['logLevel']

/** Makes the mutants of a file, and holds each against the tests of the file: a run of Stryker for each file, because its tests
 *  are chosen by the file. */
export async function mutate({ file, tests }: Subject): Promise<MutantResult[]> {
  process.env.QUITTANCE_MUTATION_TESTS = tests.join(',')
  const stryker = new Stryker({
    mutate: [file],
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner', './test/mutation/ignore-words.js'],
    ignorers: ['words'],
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
    coverageAnalysis: 'perTest',
    // Tables of states are static, and are what matters most here.
    ignoreStatic: false,
    concurrency: 1,
    incremental: false,
    // A laptop that does something else as well must not make a mutant look killed.
    timeoutMS: 30_000,
    timeoutFactor: 4,
    tempDirName: '.quittance/mutation',
    cleanTempDir: 'always',
    ignorePatterns: [
      '/.quittance',
      '/coverage',
      '/bench/results',
      '/docs/pictures',
      '/test/workflows/histories',
    ],
    // Nothing in it points out of the copy, and TypeScript 7 lacks the interface that Stryker would read it by.
    tsconfigFile: 'none',
    disableTypeChecks: false,
    reporters: [],
    allowEmpty: true,
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum is a type alone, without values to name.
    logLevel: 'error' as Level,
    warnings: false,
  })
  return stryker.runMutationTest()
}
