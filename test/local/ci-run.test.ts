import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from './fixtures/temporary-directory.ts'

const script = path.resolve(import.meta.dirname, '..', '..', '.ci', 'run')

/** Runs `.ci/run` with an npm that prints and ends as it is told. */
function ciRun(check: string, test: string): { code: number | null; lastLine: string; output: string } {
  const root = temporaryDirectory()
  mkdirSync(path.join(root, '.ci'))
  cpSync(script, path.join(root, '.ci', 'run'))
  const npm = path.join(root, 'npm')
  writeFileSync(
    npm,
    `#!/bin/sh\ncase "$*" in *check*) ${check} ;; *faults*) echo "7 passed, 0 failed" ;; *test*) ${test} ;; esac\n`,
  )
  chmodSync(npm, 0o755)
  const { status, stdout } = spawnSync(path.join(root, '.ci', 'run'), {
    env: { ...process.env, PATH: `${root}:${process.env.PATH}` },
    encoding: 'utf8',
  })
  return { code: status, lastLine: stdout.trim().split('\n').at(-1) ?? '', output: stdout }
}

describe('.ci/run', () => {
  it('adds up what passed', () => {
    const { code, lastLine, output } = ciRun(
      'echo "4 checks passed, 0 failed (9.5 s)"',
      'echo noise; echo "120 passed, 0 failed, 1 skipped"',
    )
    expect(lastLine).toBe('131 passed, 0 failed')
    expect(code).toBe(0)
    expect(output).toContain('== test: npm test --silent')
  })

  it('adds up what failed', () => {
    const { code, lastLine } = ciRun(
      'echo "3 checks passed, 1 failed (9.5 s)"; exit 1',
      'echo "118 passed, 2 failed"; exit 1',
    )
    expect(lastLine).toBe('128 passed, 3 failed')
    expect(code).toBe(1)
  })

  it('counts a step that dies without a word as a failure', () => {
    const { code, lastLine, output } = ciRun('echo "4 checks passed, 0 failed (9.5 s)"', 'exit 137')
    expect(output).toContain('test ended with exit code 137 without saying what failed')
    expect(lastLine).toBe('11 passed, 1 failed')
    expect(code).toBe(1)
  })

  it('counts a step that says nothing at all as a failure, even when it ends well', () => {
    const { code, lastLine } = ciRun('true', 'echo "1 passed, 0 failed"')
    expect(lastLine).toBe('8 passed, 1 failed')
    expect(code).toBe(1)
  })
})
