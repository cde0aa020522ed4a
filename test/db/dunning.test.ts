import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inProject, type Transaction } from '../../db/client.ts'
import {
  currentPolicy,
  DEFAULT_POLICY_VERSION,
  finishAttempt,
  insertAttempt,
  insertCase,
  listAttempts,
  setPolicy,
} from '../../db/dunning.ts'
import { defaultDunningPolicy, type DunningPolicy } from '../../domain/dunning-policy.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { seedSale, seedSubscription } from '../inbox/fixtures.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'

let seeded: Seeded
let projectId: ProjectId
beforeAll(async () => {
  seeded = await openDatabase(10)
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
})

const inTenant = <Result>(work: (transaction: Transaction) => Promise<Result>) =>
  inProject(seeded.connections.application, projectId, work)
const policy = (...retries: string[]): DunningPolicy => ({ ...defaultDunningPolicy, retries })
const set = (retries: string, planId = '') =>
  inTenant((transaction) =>
    setPolicy(transaction, { projectId, planId, policy: policy(retries), setBy: 'op_1' }),
  )
const current = async (planId = 'pro') => {
  const { version, policy: found } = await inTenant((transaction) =>
    currentPolicy(transaction, projectId, planId),
  )
  return `${version}: ${found.retries.join(' ')}`
}

describe('the dunning policy of a project', () => {
  it('is the default until somebody sets one', async () => {
    expect(await current()).toBe(`${DEFAULT_POLICY_VERSION}: P3D P5D P7D`)
  })

  it('counts its versions, and the newest holds', async () => {
    expect([await set('P1D'), await set('P2D')]).toEqual([1, 2])
    expect(await current()).toBe('2: P2D')
  })

  it('gives way to the own one of a plan, whichever is newer', async () => {
    await set('P1D', 'pro')
    await set('P2D')
    expect([await current('pro'), await current('team')]).toEqual(['1: P1D', '2: P2D'])
    await set('P4D', 'pro')
    expect([await current('pro'), await current('team')]).toEqual(['3: P4D', '2: P2D'])
  })

  it('is that of this project alone', async () => {
    await set('P1D')
    projectId = await seedProject(seeded)
    expect(await current()).toBe('0: P3D P5D P7D')
  })

  it('set by sixteen at once is sixteen versions, in a row', async () => {
    const versions = await Promise.all(Array.from({ length: 16 }, (_, index) => set(`P${index + 1}D`)))
    expect(versions.toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: 16 }, (_, index) => index + 1),
    )
  })

  it('is changed for later cases only: a version once set stays as it is', async () => {
    await set('P1D')
    for (const statement of ["update dunning_policies set set_by = 'x'", 'delete from dunning_policies'])
      await expect(
        inTenant((transaction) => transaction.execute(statement)).catch((error: unknown) => {
          throw error instanceof Error ? (error.cause ?? error) : error
        }),
      ).rejects.toThrow(/permission denied/)
  })
})

describe('attempts on an invoice', () => {
  async function openCase(invoiceId = 'in_1') {
    const payment = await seedSale(seeded, projectId)
    await seedSubscription(seeded, payment, 'past_due')
    const failedAt = new Date('2026-03-10T10:00:00Z')
    await inTenant((transaction) =>
      insertCase(transaction, {
        projectId,
        invoiceId,
        subscriptionId: payment.subscriptionId,
        customerId: payment.customerId,
        livemode: false,
        status: 'open',
        amountDue: 9900,
        currency: 'brl',
        failedAt,
        policy: defaultDunningPolicy,
        policyVersion: 0,
        graceUntil: failedAt,
        correlationId: 'cor-1',
      }),
    )
    return invoiceId
  }
  const begin = (invoiceId: string, intent: string) =>
    inTenant((transaction) =>
      insertAttempt(transaction, {
        projectId,
        invoiceId,
        intent,
        trigger: 'schedule',
        paymentMethodId: 'pm_1',
        startedAt: new Date(),
      }),
    )
  const answer = { outcome: 'declined', declineCode: null, adviceCode: null, stripeChargeId: null } as const

  it('are numbered in a row, and the first answer to each stays', async () => {
    const invoiceId = await openCase()
    const attempt = await begin(invoiceId, 'schedule/1/pm_1')
    const finish = (outcome: 'declined' | 'succeeded') =>
      inTenant((transaction) => finishAttempt(transaction, attempt, { ...answer, outcome }))
    expect([await finish('declined'), await finish('succeeded')]).toEqual([true, false])
    await begin(invoiceId, 'schedule/2/pm_1')
    const all = await inTenant((transaction) => listAttempts(transaction, projectId, [invoiceId]))
    expect(all).toMatchObject([
      { ordinal: 1, outcome: 'declined' },
      { ordinal: 2, outcome: null },
    ])
  })

  it('are under way one at a time, whoever begins them at once', async () => {
    const invoiceId = await openCase()
    const begun = await Promise.allSettled(
      Array.from({ length: 16 }, (_, index) => begin(invoiceId, `operator/${index}/pm_1`)),
    )
    expect(begun.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('are each made once for what they are for', async () => {
    const invoiceId = await openCase()
    const attempt = await begin(invoiceId, 'schedule/1/pm_1')
    await inTenant((transaction) => finishAttempt(transaction, attempt, answer))
    await expect(begin(invoiceId, 'schedule/1/pm_1')).rejects.toMatchObject({
      cause: { code: '23505', constraint_name: 'dunning_attempts_intent' },
    })
  })
})
