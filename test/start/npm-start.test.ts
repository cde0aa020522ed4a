/** `npm start` as a user lives with it, in a state directory of its own. */

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { claims } from '../../local/hold.ts'
import type { Stack } from '../../local/stack-file.ts'
import { startOf } from '../../local/records.ts'

const root = path.resolve(import.meta.dirname, '..', '..')
const parts = ['api', 'kafka', 'postgres', 'stripe', 'temporal', 'worker']
let stateDirectory: string
let running: Start | undefined

interface Start {
  supervisor: ChildProcess
  output: () => string
  exitCode: Promise<number | null>
}

function npmStart(...args: string[]): Start {
  let output = ''
  const supervisor = spawn('npm', ['start', '--', ...args], {
    cwd: root,
    env: { ...process.env, QUITTANCE_STATE: stateDirectory, QUITTANCE_CACHE: cacheDirectory() },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [supervisor.stdout, supervisor.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const exitCode = new Promise<number | null>((resolve) => {
    supervisor.once('close', resolve)
  })
  return { supervisor, output: () => output, exitCode }
}

const cacheDirectory = (): string => process.env.QUITTANCE_CACHE ?? path.join(root, '.quittance', 'cache')

async function untilSays(start: Start, words: string | RegExp): Promise<void> {
  const failure = start.exitCode.then((code) => {
    throw new Error(`npm start ended with ${code}:\n${start.output()}`)
  })
  const said = vi.waitFor(() => expect(start.output()).toMatch(words), { timeout: 170_000, interval: 100 })
  await Promise.race([said, failure])
}

const readState = (file: string): unknown => JSON.parse(readFileSync(path.join(stateDirectory, file), 'utf8'))
const stack = () => readState('stack.json') as Stack
const pidIn = (file: string) => (readState(file) as { pid: number }).pid
const pidOf = (part: string) => pidIn(`processes/${part}.json`)
const recorded = (): string[] =>
  readdirSync(path.join(stateDirectory, 'processes'))
    .map((file) => path.basename(file, '.json'))
    .toSorted()

const answers = async (): Promise<number> =>
  (
    await fetch(`${stack().api_url}/api/v1/subscriptions/ada`, {
      headers: { authorization: `Bearer ${stack().demo.api_key}` },
    })
  ).status

beforeAll(() => {
  stateDirectory = mkdtempSync(path.join(tmpdir(), 'quittance-start-'))
})

afterAll(async () => {
  running?.supervisor.kill('SIGTERM')
  await running?.exitCode
  rmSync(stateDirectory, { recursive: true, force: true, maxRetries: 5 })
})

describe('npm start', () => {
  it('starts everything, says where it is and gives a demo project that can be used', async () => {
    running = npmStart()
    await untilSays(running, 'Quittance is running')
    expect(recorded()).toEqual(parts)
    for (const part of [...parts, 'mailbox']) expect(running.output()).toMatch(new RegExp(`✓ ${part}`))
    expect(Object.keys(stack())).toEqual([
      'api_url',
      'operator_key',
      'demo',
      'temporal_address',
      'temporal_namespace',
      'temporal_ui_url',
      'kafka_brokers',
      'database_url',
      'database_owner_url',
      'stripe_api_base',
      'stripe_secret_key',
      'stripe_webhook_secret',
      'mailbox_url',
    ])
    expect(statSync(path.join(stateDirectory, 'stack.json')).mode & 0o777).toBe(0o600)
    expect(running.output()).toContain(`curl -s ${stack().api_url}/api/v1/payments`)
    expect([200, 404]).toContain(await answers())
    const mails = await fetch(`${stack().mailbox_url}/_local/mails`)
    expect(await mails.json()).toEqual({ data: [] })
    // Or each unpaid invoice would warn that Stripe means to retry it as well.
    const settings = await fetch(`${stack().stripe_api_base}/_local/settings`)
    expect(await settings.json()).toMatchObject({ retry_days: [] })
  })

  it('refuses a second start of the same state, naming the first', async () => {
    const second = npmStart()
    expect(await second.exitCode).toBe(1)
    expect(second.output()).toMatch(/npm start is already running here: process \d+ holds/)
  })

  it('reports a part that dies and starts it again', async () => {
    for (const part of ['worker', 'kafka']) {
      const pid = pidOf(part)
      process.kill(pid, 'SIGKILL')
      await vi.waitFor(() => expect(running?.output()).toMatch(new RegExp(`${part} is back`)), {
        timeout: 60_000,
      })
      expect(pidOf(part)).not.toBe(pid)
    }
    expect(running?.output()).toContain('worker ended (signal SIGKILL)')
  })

  it('ends all of it on Ctrl-C and leaves nothing', async () => {
    const pids = parts.map(pidOf)
    running?.supervisor.kill('SIGINT')
    expect(await running?.exitCode).toBe(0)
    expect(recorded()).toEqual([])
    expect(await Promise.all(pids.map(startOf))).toEqual(parts.map(() => undefined))
  })

  it('comes back in seconds where it was, with the same demo project', async () => {
    const before = stack()
    running = npmStart()
    await untilSays(running, 'Quittance is running')
    expect(stack()).toEqual(before)
    expect([200, 404]).toContain(await answers())
  })

  it('is not outlived by its parts when it is killed', async () => {
    const pids = parts.map(pidOf)
    const [claim = ''] = readdirSync(path.join(stateDirectory, claims))
    process.kill(pidIn(path.join(claims, claim)), 'SIGKILL')
    await vi.waitFor(
      async () => expect(await Promise.all(pids.map(startOf))).toEqual(parts.map(() => undefined)),
      { timeout: 20_000 },
    )
    await running?.exitCode
  })

  it('forgets its state when told to start afresh', async () => {
    const before = stack()
    running = npmStart('--fresh', '--without-kafka')
    await untilSays(running, 'Quittance is running')
    expect(stack().demo.project_id).not.toBe(before.demo.project_id)
    expect(stack().kafka_brokers).toBe('none')
    expect(recorded()).toEqual(parts.filter((part) => part !== 'kafka'))
  })

  it('explains itself, and names an option it does not know', async () => {
    const help = npmStart('--help')
    expect(await help.exitCode).toBe(0)
    expect(help.output()).toContain('--without-kafka')
    const unknown = npmStart('--frehs')
    expect(await unknown.exitCode).toBe(1)
    expect(unknown.output()).toContain('--frehs')
  })
})
