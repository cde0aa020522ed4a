import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import proto from '@temporalio/proto'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { DeterminismViolationError } from '@temporalio/workflow'
import { beforeAll, describe, expect, it } from 'vitest'
import { part } from '../support/stack.ts'

// What runs for years is carried on by code that was written later. These histories were recorded from real runs (see
// `scripts/record-histories.ts`); the code of today must do in each of them what was done then.

const directory = path.join(import.meta.dirname, 'histories')
/** `0.1.0/checkout-paid.json`: the version that recorded it, and its story. */
const recorded = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.json'))
  .toSorted()
const storyOf = (file: string) => path.basename(file, '.json')

let code: string
beforeAll(async () => {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
  })
  code = await readFile(part('workflowBundle').file, 'utf8')
})

async function replay(file: string, bundle: string): Promise<void> {
  const text = readFileSync(path.join(directory, file), 'utf8')
  // The SDK reads its own form of JSON with a class that npm installs twice, and refuses the other one.
  const history = proto.temporal.api.history.v1.History.fromObject(JSON.parse(text) as object)
  await Worker.runReplayHistory({ workflowBundle: { code: bundle } }, history, storyOf(file))
}

describe('a recorded history', () => {
  it.each(recorded)('is carried on by the code of today: %s', async (file) => {
    await expect(replay(file, code)).resolves.toBeUndefined()
  })

  it('is there for each workflow and each way it can go', () => {
    expect([...new Set(recorded.map(storyOf))].toSorted()).toEqual([
      'catalog',
      'checkout-declined-then-expired',
      'checkout-of-a-plan',
      'checkout-paid',
      'checkout-parked-and-retried',
      'checkout-refused',
      'checkout-unsettled-and-skipped',
      'checkout-without-database',
      'subscription-first-period',
      'subscription-past-due-and-parked',
      'subscription-second-period',
    ])
  })

  it('holds nothing of the machine it was recorded on', () => {
    const telling = recorded.filter((file) => {
      const text = readFileSync(path.join(directory, file), 'utf8')
      return /node_modules|file:|\.ts:\d|[^"\s]+@(?!1\.)[\w-]+/.test(text)
    })
    expect(telling).toEqual([])
  })
})

const opened = {
  status: 'pending',
  checkoutSessionId: 'cs_1',
  checkoutUrl: '',
  openedAt: Date.parse('2030-01-01'),
  expiresAt: Date.parse('2030-01-02'),
}
const paid = {
  session: 'complete',
  payment: 'paid',
  settlement: 'none',
  total: { amountMinor: 9900, currency: 'brl' },
  attempts: [],
}
const followed = {
  known: { status: 'active', planId: 'pro', currentPeriodEnd: Date.parse('2030-02-01'), quantity: 1 },
  owes: false,
  neverStarted: false,
  openCases: [],
  toVoid: [],
}

/** The code as it would be if an activity were no longer called, its answer being known. */
function without(activity: string, answer: unknown): string {
  const known = `async () => (${JSON.stringify(answer) ?? 'undefined'})`
  const altered = code.includes(`${activity}: persevering(`)
    ? code.replace(`${activity}: persevering(`, `${activity}: (${known}) ?? persevering(`)
    : code.replace(
        'const stripe = ',
        `const stripe = new Proxy({}, { get: (_, name) => name === '${activity}' ? ${known} : called[name] });\nconst called = `,
      )
  if (altered === code) throw new Error(`the code does not call ${activity} as this test expects`)
  return altered
}

describe('a change that history does not know', () => {
  it.each([
    ['openCheckout', opened, 'checkout-paid'],
    ['readCheckout', paid, 'checkout-paid'],
    ['recordCheckout', 'succeeded', 'checkout-paid'],
    ['recordCheckout', 'succeeded', 'checkout-without-database'],
    ['recordRefusal', 'failed', 'checkout-refused'],
    ['recordOperatorAction', true, 'checkout-parked-and-retried'],
    ['followSubscription', followed, 'subscription-first-period'],
    ['followSubscription', followed, 'subscription-second-period'],
    ['publishCatalog', undefined, 'catalog'],
  ])('is noticed: %s is no longer called', async (activity, answer, story) => {
    const file = recorded.findLast((candidate) => storyOf(candidate) === story)
    await expect(replay(file ?? story, without(activity, answer))).rejects.toThrow(DeterminismViolationError)
  })
})
