import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/stack.ts'
import { operatorKey, shop, webhookSecret } from './support/api.ts'

const root = path.resolve(import.meta.dirname, '..', '..')
let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

/** The API as a deployment runs it: a process with an environment. */
function start(environment: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', path.join(root, 'api/main.ts')], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      DATABASE_URL: database.applicationUrl,
      DATABASE_SYSTEM_URL: database.systemUrl,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      QUITTANCE_OPERATOR_KEY: operatorKey,
      STRIPE_WEBHOOK_SECRET: webhookSecret,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, lines, exited }
}

describe('the API process', () => {
  it('serves without Temporal, tells where in one line, finishes what it has begun and goes', async () => {
    const { child, lines, exited } = start({})
    const ready = () => lines.find((line) => line.includes('api ready'))
    await expect.poll(ready, { timeout: 60_000 }).toBeDefined()
    const { url } = JSON.parse(ready() ?? '{}') as { url: string }
    expect(new URL(url).hostname).toBe('127.0.0.1')

    // Waits some two seconds for the prices that nobody can publish now; the process is told to stop meanwhile.
    const underWay = fetch(`${url}/api/v1/projects`, {
      method: 'POST',
      headers: { authorization: `Bearer ${operatorKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(shop),
    })
    await new Promise((resolve) => setTimeout(resolve, 500))
    child.kill('SIGTERM')
    expect((await underWay).status).toBe(201)
    expect(await exited).toBe(0)
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
    expect(lines.join('\n')).not.toContain(operatorKey)
  }, 90_000)

  it('does not start in live mode on the database of test mode, and says what to set', async () => {
    const { lines, exited } = start({ STRIPE_SECRET_KEY: 'sk_live_1' })
    expect(await exited).toBe(1)
    expect(lines.join('\n')).toMatch(/STRIPE_SECRET_KEY is a live key.*books of test mode.*DATABASE_URL/)
  }, 90_000)

  it('names every variable that is missing in production, and does not start', async () => {
    const { lines, exited } = start({ NODE_ENV: 'production', DATABASE_URL: '', STRIPE_WEBHOOK_SECRET: '' })
    expect(await exited).not.toBe(0)
    expect(lines.join('\n')).toMatch(/DATABASE_URL is not set/)
    expect(lines.join('\n')).toMatch(/STRIPE_WEBHOOK_SECRET is not set/)
  }, 90_000)
})
