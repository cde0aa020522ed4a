/** `npm test [-- VITEST ARGUMENTS]`: runs the tests and ends with one line that says how many passed and failed. Those of
 *  `npm run faults` only when they are asked for. */

import { parseCLI, startVitest } from 'vitest/node'

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)], {
  allowUnknownOptions: false,
})
options.project ??= ['!faults']
const vitest = await startVitest('test', filter, { ...options, watch: false, run: true })

const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
for (const module of vitest.state.getTestModules()) {
  for (const test of module.children.allTests()) count[test.result().state] += 1
  // A file or suite that could not be loaded holds no tests that could fail, so it counts as one itself.
  count.failed += module.errors().length
  for (const suite of module.children.allSuites()) count.failed += suite.errors().length
}
count.failed += vitest.state.getUnhandledErrors().length
// A test that never came to an end has not passed.
count.failed += count.pending

const somethingRan = count.passed + count.failed > 0
if (!somethingRan) console.error('No test was run.')
await vitest.close()
console.log(
  `${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`,
)
process.exit(count.failed > 0 || !somethingRan ? 1 : 0)
