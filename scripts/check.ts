/** `npm run check`: types, lint, format, import rules and the audit of dependencies, each with its time. All of them run, whichever
 *  fails. */

import { spawn } from 'node:child_process'
import path from 'node:path'
import { audit, type AuditVerdict } from './audit.ts'
import { importBreaches } from './import-rules.ts'

const root = path.resolve(import.meta.dirname, '..')

interface Check {
  name: string
  run: () => Promise<AuditVerdict>
}

const checks: Check[] = [
  { name: 'types', run: tool('tsc') },
  { name: 'lint', run: tool('oxlint', '--type-aware', '--deny-warnings') },
  { name: 'format', run: tool('prettier', '--check', '--log-level', 'warn', '.') },
  {
    name: 'imports',
    run: async () => {
      const breaches = importBreaches(root)
      return { passed: breaches.length === 0, output: breaches.join('\n') }
    },
  },
  { name: 'audit', run: () => audit(root) },
]

/** A tool of node_modules; what it prints is shown only when it fails. */
function tool(name: string, ...args: string[]): Check['run'] {
  return () =>
    new Promise((resolve, reject) => {
      const bin = path.join(root, 'node_modules', '.bin', name)
      const child = spawn(bin, args, {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }) },
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => {
          output += chunk.toString()
        })
      child.once('error', reject)
      child.once('close', (code) => resolve({ passed: code === 0, output }))
    })
}

const startedAt = Date.now()
// One after the other: each of them uses every core it finds.
let passed = 0
let failed = 0
for (const { name, run } of checks) {
  const checkStartedAt = Date.now()
  const verdict = await run()
  const seconds = ((Date.now() - checkStartedAt) / 1000).toFixed(1)
  if ('skipped' in verdict) {
    console.log(`- ${name.padEnd(8)} skipped: ${verdict.skipped}`)
    continue
  }
  console.log(`${verdict.passed ? '✓' : '✗'} ${name.padEnd(8)} ${seconds} s`)
  if (verdict.passed) passed += 1
  else {
    failed += 1
    console.log(verdict.output.trimEnd())
  }
}
const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
console.log(`${passed} checks passed, ${failed} failed (${seconds} s)`)
process.exit(failed === 0 ? 0 : 1)
