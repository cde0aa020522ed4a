import { spawn } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { findPythonPackages, type PythonPackages } from '../support/python-packages.ts'

/** Schemathesis makes requests out of an OpenAPI document and holds the answers to it: https://schemathesis.readthedocs.io.
 *  Hypothesis chooses what is sent, so that its version belongs to a seed. */
export const findSchemathesis = (): Promise<PythonPackages | string> =>
  findPythonPackages('schemathesis==4.32.5', 'hypothesis==6.170.15')

export const phases = ['examples', 'coverage', 'fuzzing', 'stateful'] as const

export interface PassOptions {
  /** Where its settings and its report go. */
  directory: string
  apiUrl: string
  key: string
  /** What is there, by the place where it is named (`path.payment_id`): most requests name it, the others anything. */
  known: Record<string, string[]>
  /** How many requests each operation gets in each phase, beside those that always belong to it. */
  examples: number
  seed: number
  phases: readonly (typeof phases)[number][]
}

export interface Pass {
  /** Operations that were tried and had no flaw. */
  passed: number
  /** Operations, or sequences of them, that had one. */
  failed: string[]
  /** Operations that took at least one request: the others have shown only how they refuse. */
  accepting: string[]
  requests: number
  /** Each flaw with the request that shows it, in Schemathesis's own words. */
  flaws: string
}

interface Report {
  complete: boolean
  operations: { tested: number }
  test_cases: { generated: number }
  failures: { operations: string[] }[]
  errors: { title: string }[]
  valid_rates: Record<string, Record<string, { accepted: number }>>
}

/** Tries every operation of the document with one key. All of Schemathesis's checks are on. */
export async function runSchemathesis(packages: PythonPackages, options: PassOptions): Promise<Pass> {
  const directory = await mkdtemp(path.join(options.directory, 'pass-'))
  const settings = path.join(directory, 'schemathesis.toml')
  const reportFile = path.join(directory, 'report.json')
  await writeFile(settings, settingsOf(options))
  const said = await runToEnd(packages, directory, [
    ['--config-file', settings, '--no-color', 'run', `${options.apiUrl}/openapi.json`],
    ['--checks', 'all', '--phases', options.phases.join(','), '--max-examples', String(options.examples)],
    ['--seed', String(options.seed), '--continue-on-failure', '--request-timeout', '30'],
    ['--warnings', 'off', '--report', 'json', '--report-json-path', reportFile],
  ])
  const report = await readFile(reportFile, 'utf8').then(
    (text) => JSON.parse(text) as Report,
    () => undefined,
  )
  if (!report?.complete) throw new Error(`Schemathesis did not come to its end:\n${said}`)
  const failed = [...new Set(report.failures.flatMap(({ operations }) => operations))]
  return {
    passed: report.operations.tested - failed.filter((operation) => operation.includes('/')).length,
    failed: [...failed, ...report.errors.map(({ title }) => title)],
    accepting: Object.entries(report.valid_rates).flatMap(([operation, rates]) =>
      Object.values(rates).some(({ accepted }) => accepted > 0) ? [operation] : [],
    ),
    requests: report.test_cases.generated,
    flaws: /=+ (?:ERRORS|FAILURES) =+\n[^]*?(?=\n=+ SUMMARY)/.exec(said)?.[0] ?? '',
  }
}

/** In TOML, whose texts and lists are written as in JSON. */
function settingsOf({ key, known }: PassOptions): string {
  const places = Object.entries(known)
  return [
    `hooks = ${JSON.stringify(path.join(import.meta.dirname, 'known_refusals.py'))}`,
    // No text with U+0000 is taken, which no schema says: test/api/input.test.ts tries it.
    `generation.allow-x00 = false`,
    `auth.openapi.key.bearer = ${JSON.stringify(key)}`,
    ...places.map(([, values], index) => `dictionaries.known_${index}.values = ${JSON.stringify(values)}`),
    ...places.map(
      ([place], index) =>
        `parameters.${JSON.stringify(place)} = { dictionary = "known_${index}", probability = 0.7 }`,
    ),
  ].join('\n')
}

async function runToEnd(packages: PythonPackages, directory: string, args: string[][]): Promise<string> {
  const child = spawn(packages.python, ['-m', 'schemathesis.cli', ...args.flat()], {
    cwd: directory,
    env: { ...process.env, PYTHONPATH: packages.directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const endWithUs = () => void child.kill()
  process.once('exit', endWithUs)
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  await new Promise((resolve, reject) => void child.once('close', resolve).once('error', reject))
  process.removeListener('exit', endWithUs)
  return said
}
