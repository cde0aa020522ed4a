import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createLookAtCase,
  createRecordDunningStep,
  type DunningStepToRecord,
} from '../../activities/dunning-steps.ts'
import { inProject } from '../../db/client.ts'
import { listAttempts, listCases, setPolicy } from '../../db/dunning.ts'
import { listSubscriptions } from '../../db/subscriptions.ts'
import { defaultDunningPolicy, type DunningPolicy } from '../../domain/dunning-policy.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { heldRoles } from '../../domain/roles.ts'
import { openDatabase, type Seeded, type SeedPayment, seedProject } from '../support/seed.ts'
import { declinedAttempt } from '../support/snapshots.ts'
import { expectNoGaps, recorded, sixteenTimes } from './recorded.ts'
import { createStage, DAY, MONTH, sell as sellOn, type Sold, soldAt, type Stage } from './sold.ts'

let seeded: Seeded
let projectId: ProjectId
let stage: Stage
beforeAll(async () => {
  seeded = await openDatabase(10)
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
  stage = createStage(seeded)
})

const sell = (seed: SeedPayment = {}) => sellOn(stage, seeded, projectId, seed)
const inTenant = <Result>(work: Parameters<typeof inProject<Result>>[2]) =>
  inProject(seeded.connections.application, projectId, work)
const cases = ({ subscriptionId }: Pick<Sold, 'subscriptionId'>) =>
  inTenant((transaction) => listCases(transaction, projectId, [subscriptionId]))
const attempts = (invoiceId: string) =>
  inTenant((transaction) => listAttempts(transaction, projectId, [invoiceId]))
const roles = () =>
  inTenant(async (transaction) =>
    heldRoles(
      (await listSubscriptions(transaction, projectId, 'user-1', false)).map(({ subscription, plan }) => ({
        ...subscription,
        roles: plan.roles,
      })),
    ),
  )
const choose = (policy: Partial<DunningPolicy>) =>
  inTenant((transaction) =>
    setPolicy(transaction, {
      projectId,
      planId: '',
      policy: { ...defaultDunningPolicy, ...policy },
      setBy: 'op_1',
    }),
  )
const told = async () => (await recorded(seeded, projectId)).told
const count = async (type: string) => (await told()).filter((one) => one === type).length

/** A subscription whose first renewal has failed. */
async function failed(seed: SeedPayment = {}) {
  const sold = await sell(seed)
  await sold.look(1)
  const { invoiceId, failedAt, followed } = await sold.fail()
  const subject = { ...sold.subject, invoiceId }
  const record = createRecordDunningStep(stage.dependencies)
  return {
    ...sold,
    followed,
    invoiceId,
    failedAt,
    lookAtCase: () => createLookAtCase(stage.dependencies)(subject),
    record: (step: DunningStepToRecord) => record({ ...subject, step }),
    case: async () => (await cases(sold))[0],
  }
}

describe('a failed renewal', () => {
  it('opens a case, with its days counted from the failure and access kept', async () => {
    const { followed, invoiceId, failedAt, ...sold } = await failed()
    expect(followed).toMatchObject({ known: { status: 'past_due', openCases: 1 }, openCases: [invoiceId] })
    expect(await cases(sold)).toMatchObject([
      {
        invoiceId,
        status: 'open',
        amountDue: 9900,
        currency: 'brl',
        failedAt: new Date(failedAt),
        nextRetryAt: new Date(failedAt + 3 * DAY),
        graceUntil: new Date(failedAt + 7 * DAY),
        policyVersion: 0,
        retriesDone: 0,
      },
    ])
    expect(await attempts(invoiceId)).toMatchObject([
      { ordinal: 1, trigger: 'renewal', outcome: 'declined', declineCode: 'insufficient_funds' },
    ])
    expect(await roles()).toEqual(['pro'])
    const found = await recorded(seeded, projectId)
    expect(found.told.slice(-4)).toEqual([
      'subscription.past_due',
      'dunning.retry_scheduled',
      'alert.payment_failed',
      'notice.payment_failed',
    ])
    expect(found.audit.at(-1)).toMatchObject({
      action: 'dunning.opened',
      why: 'The renewal could not be charged: insufficient funds.',
      policyVersion: 0,
      amount: 9900,
      occurredAt: new Date(failedAt),
    })
    expectNoGaps(found)
  })

  it('opens one case, whoever looks sixteen times at once, and recovers once', async () => {
    const { follow, show, ...sold } = await failed()
    await sixteenTimes(follow)
    show(2)
    await sixteenTimes(follow)
    expect(await cases(sold)).toMatchObject([{ status: 'recovered', nextRetryAt: null }])
    for (const type of ['subscription.past_due', 'subscription.recovered', 'notice.payment_recovered'])
      expect([type, await count(type)]).toEqual([type, 1])
    expect((await recorded(seeded, projectId)).transfers).toMatchObject([{ amount: 9900 }])
  })

  it('that only the bank may let pass sends the customer a link', async () => {
    const sold = await sell()
    await sold.look(1)
    await sold.fail(2, { attempts: [] })
    expect((await told()).at(-1)).toBe('notice.authentication_required')
  })

  it('for want of a card asks the customer for one', async () => {
    const sold = await sell()
    await sold.look(1)
    await sold.fail(2, { attempts: [], lacksCard: true })
    const { told: types, audit } = await recorded(seeded, projectId)
    expect(types.at(-1)).toBe('notice.no_payment_method')
    expect(audit.at(-1)?.why).toBe('The renewal could not be charged: no payment method.')
  })

  it('is of the first invoice the checkout’s concern, and opens nothing', async () => {
    const sold = await sell()
    await sold.look(1, { status: 'incomplete', latestInvoice: sold.invoice(1, { status: 'open' }) })
    expect(await cases(sold)).toEqual([])
  })

  it('of a period that nobody looked at is worked through beside the one after', async () => {
    const sold = await sell()
    await sold.look(1)
    const { invoiceId } = await sold.fail(2)
    await sold.fail(3)
    expect((await sold.follow()).openCases).toHaveLength(2)
    // The later one is paid: the earlier one keeps it behind, whatever Stripe says.
    const followed = await sold.look(3)
    expect(followed).toMatchObject({ known: { status: 'past_due', openCases: 1 }, openCases: [invoiceId] })
    expect(await count('subscription.past_due')).toBe(1)
    expect(await count('subscription.recovered')).toBe(0)
  })

  it('does not begin anew when an old look comes late', async () => {
    const { look, invoice, ...sold } = await failed()
    await look(2)
    const before = await recorded(seeded, projectId)
    // What Stripe showed before, read by somebody who knows nothing of the recovery yet.
    const { readSubscription } = stage.dependencies.provider
    const late = sold.snapshot(2, {
      status: 'past_due',
      latestInvoice: invoice(2, { status: 'open', attempts: [declinedAttempt(soldAt + MONTH)] }),
    })
    let looks = 0
    stage.dependencies.provider.readSubscription = async (id) => (looks++ === 0 ? late : readSubscription(id))
    await stage.follow({ ...sold.subject, knownRevision: 2 })
    expect(looks).toBe(2)
    expect(await recorded(seeded, projectId)).toEqual(before)
  })
})

describe('the policy of a case', () => {
  it('is the one that held when it failed: a later one is for later cases', async () => {
    expect(await choose({ retries: ['P1D'], grace: 'P2D' })).toBe(1)
    const { failedAt, ...sold } = await failed()
    await choose({ retries: ['P9D'] })
    await sold.look(2)
    await sold.fail(3)
    expect(await cases(sold)).toMatchObject([
      { policyVersion: 1, nextRetryAt: null, graceUntil: new Date(failedAt + 2 * DAY) },
      { policyVersion: 2, nextRetryAt: new Date(failedAt + MONTH + 9 * DAY) },
    ])
  })
})

describe('ways out of a case', () => {
  it.each(['void', 'uncollectible'] as const)('that is %s owes nothing any more', async (status) => {
    const { look, invoice, case: read } = await failed()
    const followed = await look(2, { latestInvoice: invoice(2, { status }) })
    expect(followed).toMatchObject({ known: { status: 'active', openCases: 0 }, openCases: [] })
    expect(await read()).toMatchObject({ status: 'voided' })
    expect((await recorded(seeded, projectId)).transfers).toEqual([])
    expect(await count('subscription.recovered')).toBe(1)
    expect(await count('notice.payment_recovered')).toBe(0)
  })

  it('that the customer tried by hand in vain remembers the try, once', async () => {
    const { look, invoice, invoiceId, failedAt } = await failed()
    const tries = [failedAt, failedAt + DAY].map((at) =>
      declinedAttempt(at, { stripeChargeId: `ch_${invoiceId}_${at}` }),
    )
    tries.splice(0, 1, declinedAttempt(failedAt, { stripeChargeId: `ch_2_${invoiceId.split('_')[2]}` }))
    for (let time = 0; time < 3; time += 1)
      await look(2, { status: 'past_due', latestInvoice: invoice(2, { status: 'open', attempts: tries }) })
    expect(await attempts(invoiceId)).toMatchObject([{ trigger: 'renewal' }, { trigger: 'customer' }])
    expect(await count('dunning.retry_failed')).toBe(1)
    expect(await count('alert.payment_failed')).toBe(2)
  })

  it('that ends with the subscription is told as what it is, and its invoice is to be made void', async () => {
    const { look, invoice, invoiceId, case: read } = await failed()
    const followed = await look(2, {
      status: 'canceled',
      endedAt: soldAt + MONTH + DAY,
      latestInvoice: invoice(2, { status: 'open' }),
    })
    expect(followed).toMatchObject({ known: { status: 'canceled' }, toVoid: [invoiceId], openCases: [] })
    expect(await read()).toMatchObject({ status: 'canceled', endedAt: new Date(soldAt + MONTH + DAY) })
    expect(await roles()).toEqual([])
    expect(await count('subscription.canceled')).toBe(1)
  })
})

describe('a look at a case', () => {
  it('takes the invoice over from Stripe’s own retries, once', async () => {
    const { lookAtCase, invoiceId } = await failed()
    await lookAtCase()
    await lookAtCase()
    expect(stage.state.takenOver).toEqual([invoiceId])
  })

  it('finds a card that was added since the failure, and not one that was tried', async () => {
    const { lookAtCase, failedAt } = await failed()
    stage.state.cards = [{ paymentMethodId: 'pm_old', answer: 'pays', addedAt: failedAt - DAY }]
    expect((await lookAtCase()).newCard).toBeUndefined()
    stage.state.cards.push({ paymentMethodId: 'pm_new', answer: 'pays', addedAt: failedAt + DAY })
    expect((await lookAtCase()).newCard).toBe('pm_new')
  })

  it('finds an old card that was made the one to charge', async () => {
    const { lookAtCase, failedAt } = await failed()
    stage.state.cards = [
      { paymentMethodId: 'pm_old', answer: 'pays', addedAt: failedAt - DAY, isDefault: true },
    ]
    expect((await lookAtCase()).newCard).toBe('pm_old')
  })

  it('asks for no card once it is over', async () => {
    const { lookAtCase, show, failedAt } = await failed()
    show(2)
    stage.state.cards = [{ paymentMethodId: 'pm_new', answer: 'pays', addedAt: failedAt + DAY }]
    expect(await lookAtCase()).toMatchObject({ status: 'recovered' })
    expect((await lookAtCase()).newCard).toBeUndefined()
    expect(stage.state.takenOver).toEqual([])
  })
})

describe('steps of a case that need no charge', () => {
  it('are each written once, whoever repeats them sixteen times at once', async () => {
    await choose({ grace: 'P4D' })
    const { record } = await failed()
    for (const step of [{ kind: 'notice', retry: 1 }, { kind: 'end_grace' }, { kind: 'exhaust' }] as const)
      await sixteenTimes(() => record(step))
    expect((await told()).slice(-4)).toEqual([
      'notice.retry_upcoming',
      'subscription.updated',
      'entitlement.role_revoked',
      'dunning.exhausted',
    ])
    expectNoGaps(await recorded(seeded, projectId))
  })

  it('announce a retry once, and remember it', async () => {
    const { record, case: read } = await failed()
    expect(await record({ kind: 'notice', retry: 1 })).toMatchObject({ retriesNoticed: 1 })
    await record({ kind: 'notice', retry: 1 })
    expect(await count('notice.retry_upcoming')).toBe(1)
    expect(await read()).toMatchObject({ retriesNoticed: 1, retriesDone: 0 })
  })

  it('leave a retry out for an operator, who is named with the reason', async () => {
    const { case: read, failedAt, subject, invoiceId } = await failed()
    const view = await createRecordDunningStep(stage.dependencies)({
      ...subject,
      invoiceId,
      step: { kind: 'skip_retry', retry: 1 },
      cause: { by: 'ana', why: 'The customer pays by transfer.' },
    })
    expect(view).toMatchObject({ retriesDone: 1, retriesNoticed: 1, status: 'open' })
    expect(await read()).toMatchObject({ nextRetryAt: new Date(failedAt + 5 * DAY) })
    expect((await recorded(seeded, projectId)).audit.at(-1)).toMatchObject({
      actor: 'ana',
      why: 'The customer pays by transfer.',
      action: 'dunning.retry_skipped',
    })
  })

  it('take access and roles away when the grace is over, and a payment brings both back', async () => {
    const { record, look } = await failed()
    await record({ kind: 'end_grace' })
    expect(await roles()).toEqual([])
    expect((await told()).slice(-2)).toEqual(['subscription.updated', 'entitlement.role_revoked'])
    expect(await look(2)).toMatchObject({ known: { status: 'active', graceEnded: false } })
    expect(await roles()).toEqual(['pro'])
    expect((await told()).slice(-2)).toEqual(['subscription.recovered', 'entitlement.role_granted'])
    expectNoGaps(await recorded(seeded, projectId))
  })

  it('leave the roles of another subscription alone', async () => {
    const team = await sell({ buys: { plan: 'team' } })
    await team.look(1)
    const { record } = await failed()
    await record({ kind: 'end_grace' })
    expect(await roles()).toEqual(['pro', 'team'])
    expect(await count('entitlement.role_revoked')).toBe(0)
  })

  it.each([
    ['cancel', { action: 'cancel' }],
    ['pause', { action: 'pause' }],
  ] as const)('hand an exhausted case over to be ended by a %s', async (onExhausted, expected) => {
    await choose({ onExhausted })
    const { record, follow, invoiceId } = await failed()
    expect(await record({ kind: 'exhaust' })).toMatchObject({ status: 'exhausted' })
    expect((await follow()).exhausted).toEqual({ invoiceId, ...expected })
    expect(await roles()).toEqual(['pro'])
    expect((await told()).at(-1)).toBe('dunning.exhausted')
  })

  it('end access and nothing else where the policy leaves it past due', async () => {
    await choose({ onExhausted: 'leave_past_due' })
    const { record, follow } = await failed()
    await record({ kind: 'exhaust' })
    const followed = await follow()
    expect(followed.exhausted).toBeUndefined()
    expect(followed.known).toMatchObject({ status: 'past_due', graceEnded: true, openCases: 0 })
    expect(await roles()).toEqual([])
  })

  it.each(['paid', 'void'] as const)(
    'keep access off where the policy leaves it past due, whatever is paid later, until the old invoice is %s',
    async (end) => {
      await choose({ onExhausted: 'leave_past_due' })
      const { record, look, follow, invoice, invoiceId } = await failed()
      await record({ kind: 'exhaust' })
      stage.scripted.billing.showInvoice(invoice(2, { status: 'open', attempts: [] }))
      expect(await look(3)).toMatchObject({ known: { status: 'past_due', leftUnpaid: [invoiceId] } })
      expect(await look(4)).toMatchObject({ known: { status: 'past_due', graceEnded: true } })
      expect(await roles()).toEqual([])
      expect(await count('subscription.recovered')).toBe(0)
      // What was paid meanwhile is entered all the same.
      expect((await recorded(seeded, projectId)).transfers).toHaveLength(2)

      stage.scripted.billing.showInvoice(invoice(2, { status: end }))
      const { known } = await follow()
      expect(known).toMatchObject({ status: 'active', graceEnded: false })
      expect(known).not.toHaveProperty('leftUnpaid')
      expect(await roles()).toEqual(['pro'])
      expect(await count('subscription.recovered')).toBe(1)
    },
  )

  it('change nothing of a case that has ended meanwhile', async () => {
    const { record, look, case: read } = await failed()
    await look(2)
    const before = await recorded(seeded, projectId)
    for (const step of [{ kind: 'notice', retry: 1 }, { kind: 'end_grace' }, { kind: 'exhaust' }] as const)
      expect(await record(step)).toMatchObject({ status: 'recovered' })
    expect(await recorded(seeded, projectId)).toEqual(before)
    expect(await read()).toMatchObject({ status: 'recovered' })
  })

  it('do not keep a late payment of an exhausted case from counting', async () => {
    await choose({ onExhausted: 'leave_past_due' })
    const { record, look, case: read } = await failed()
    await record({ kind: 'exhaust' })
    expect(await look(2)).toMatchObject({ known: { status: 'active', graceEnded: false } })
    expect(await read()).toMatchObject({ status: 'recovered' })
    expect(await roles()).toEqual(['pro'])
    expect((await recorded(seeded, projectId)).transfers).toMatchObject([{ amount: 9900 }])
  })
})
