import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ProjectId } from '../../domain/ids.ts'
import type { InvoiceSnapshot } from '../../domain/subscription.ts'
import { openDatabase, type Seeded, type SeedPayment, seedProject } from '../support/seed.ts'
import { brl } from '../support/snapshots.ts'
import { expectNoGaps, ledgerSums, recorded, sixteenTimes } from './recorded.ts'
import { createStage, MONTH, sell as sellOn, soldAt, type Stage } from './sold.ts'

let seeded: Seeded
let stage: Stage
let projectId: ProjectId
beforeAll(async () => {
  seeded = await openDatabase(10)
  stage = createStage(seeded)
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
})
const sell = (seed: SeedPayment = {}) => sellOn(stage, seeded, projectId, seed)

/** What was told of subscriptions and roles; the checkout's own events are left out. */
async function told() {
  const { events } = await recorded(seeded, projectId)
  return events
    .filter(({ type }) => !type.startsWith('com.quittance.payment.'))
    .map(({ type, data }) =>
      [type.replace('com.quittance.', ''), 'role' in data && data.role].filter(Boolean).join(' '),
    )
}

describe('a subscription', () => {
  it('begins with its row, its events and its roles', async () => {
    const { subscriptionId, look } = await sell()
    expect(await look(1)).toMatchObject({ known: { status: 'active' } })
    const found = await recorded(seeded, projectId)
    expect(found.subscriptions).toMatchObject([
      { subscriptionId, status: 'active', planId: 'pro', planVersion: 1, revision: 1, userId: 'user-1' },
    ])
    expect(await told()).toEqual([
      'subscription.created',
      'subscription.activated',
      'entitlement.role_granted pro',
    ])
    expect(found.events.at(-1)).toMatchObject({
      subject: 'user-1',
      data: { user_id: 'user-1', role: 'pro', roles: ['pro'], subscription_id: subscriptionId },
    })
    expect(found.audit.at(-1)).toMatchObject({
      action: 'subscription.activated',
      subjectId: subscriptionId,
      before: null,
      after: { status: 'active' },
    })
    expectNoGaps(found)
  })

  it('has no row before Stripe lets it run', async () => {
    const { look } = await sell()
    expect((await look(1, { status: 'incomplete' })).known).toBeUndefined()
    expect(await look(1, { status: 'incomplete_expired' })).toMatchObject({ neverStarted: true })
    const found = await recorded(seeded, projectId)
    expect([found.subscriptions, await told()]).toEqual([[], []])
  })

  it('leaves the money of its first invoice to the checkout', async () => {
    const { look } = await sell()
    await look(1)
    expect((await recorded(seeded, projectId)).entries).toEqual([])
  })

  it.each([
    ['begins', [1]],
    ['renews', [1, 2]],
  ])('%s once, whoever repeats it sixteen times at once', async (_change, periods) => {
    const { look } = await sell()
    for (const period of periods) await sixteenTimes(() => look(period))
    const found = await recorded(seeded, projectId)
    expect(found.subscriptions).toMatchObject([{ revision: periods.length }])
    expect(found.entries).toHaveLength(periods.length - 1)
    expect((await told()).filter((type) => type.startsWith('subscription.'))).toEqual(
      ['subscription.created', 'subscription.activated', 'subscription.renewed'].slice(0, periods.length + 1),
    )
    expectNoGaps(found)
  })

  it('ends once, whoever repeats it sixteen times at once, and takes its roles away', async () => {
    const { look } = await sell()
    await look(1)
    await sixteenTimes(() => look(1, { status: 'canceled', endedAt: soldAt }))
    const found = await recorded(seeded, projectId)
    expect(found.subscriptions).toMatchObject([{ status: 'canceled', endedAt: new Date(soldAt) }])
    expect((await told()).slice(3)).toEqual([
      'subscription.canceled',
      'entitlement.role_revoked pro',
      'notice.subscription_canceled',
    ])
    expect(found.events.at(-2)).toMatchObject({ data: { roles: [] } })
    expectNoGaps(found)
  })
})

describe('a renewal', () => {
  it('enters the money of its invoice, with the invoice in the event', async () => {
    const { subscriptionId, look, invoice } = await sell()
    await look(1)
    await look(2)
    const { entries, transfers, events } = await recorded(seeded, projectId)
    const { invoiceId } = invoice(2)
    expect(entries).toMatchObject([{ intent: `${subscriptionId}/paid/${invoiceId}` }])
    expect(transfers).toMatchObject([
      { debitAccount: 'stripe_balance', creditAccount: 'revenue', amount: 9900, currency: 'brl' },
    ])
    expect(events.at(-1)).toMatchObject({
      type: 'com.quittance.subscription.renewed',
      data: { invoice_id: invoiceId, amount: 9900, currency: 'brl' },
    })
  })

  it('is entered when we looked while Stripe had opened the period and not charged yet', async () => {
    const { look, invoice } = await sell()
    await look(1)
    await look(2, { latestInvoice: invoice(2, { status: 'draft', amountPaid: brl(0) }) })
    await look(2)
    expect((await told()).slice(3)).toEqual(['subscription.updated', 'subscription.renewed'])
    expect((await recorded(seeded, projectId)).transfers).toMatchObject([{ amount: 9900 }])
  })

  it('that ends a trial is entered', async () => {
    const { look, invoice } = await sell()
    await look(1, { status: 'trialing', latestInvoice: invoice(1, { amountPaid: brl(0) }) })
    await look(2)
    const found = await recorded(seeded, projectId)
    expect(await told()).toEqual([
      'subscription.created',
      'subscription.activated',
      'entitlement.role_granted pro',
      'subscription.activated',
      'subscription.renewed',
    ])
    expect(found.transfers).toMatchObject([{ amount: 9900 }])
    expectNoGaps(found)
  })

  it('that is paid late is entered at the recovery, and access was never gone', async () => {
    const { look, fail } = await sell()
    await look(1)
    await fail()
    await look(2)
    expect((await told()).slice(2)).toEqual([
      'entitlement.role_granted pro',
      'subscription.past_due',
      'dunning.retry_scheduled',
      'alert.payment_failed',
      'notice.payment_failed',
      'notice.payment_recovered',
      'subscription.recovered',
    ])
    expect((await recorded(seeded, projectId)).transfers).toMatchObject([{ amount: 9900 }])
  })

  it('of nothing, as for a free plan, is told and moves no money', async () => {
    const { look, invoice } = await sell()
    await look(1)
    await look(2, { latestInvoice: invoice(2, { amountPaid: brl(0) }) })
    const { entries, events } = await recorded(seeded, projectId)
    expect(entries).toEqual([])
    expect(events.at(-1)).toMatchObject({ type: 'com.quittance.subscription.renewed', data: { amount: 0 } })
  })

  it('is told before the end that was seen with it', async () => {
    const { look } = await sell()
    await look(1)
    await look(2, { status: 'canceled', endedAt: soldAt })
    expect((await told()).slice(3)).toEqual([
      'subscription.renewed',
      'subscription.canceled',
      'entitlement.role_revoked pro',
      'notice.subscription_canceled',
    ])
  })

  it('is not undone by an older look that comes late', async () => {
    const { look } = await sell()
    await look(1)
    await look(2)
    const before = await recorded(seeded, projectId)
    await look(1)
    expect(await recorded(seeded, projectId)).toEqual(before)
  })
})

describe('a renewal whose invoice is hidden by that of a later change', () => {
  /** The change is seen first, as looks read the latest invoice alone. */
  async function hidden(renewal: Partial<InvoiceSnapshot>) {
    const sold = await sell()
    await sold.look(1)
    const period = { start: soldAt + MONTH, end: soldAt + 2 * MONTH }
    const invoice = sold.invoice(2, { period, ...renewal })
    stage.scripted.billing.showInvoice(invoice)
    const change = sold.invoice(2, { invoiceId: `in_ofChange${invoice.invoiceId}`, ...ofChange })
    const shown = { latestInvoice: change, quantity: 2 }
    await sold.look(2, shown)
    const hint = () => stage.follow({ ...sold.subject, hintedInvoices: [invoice.invoiceId] })
    return { ...sold, invoice, shown, period, hint }
  }
  const ofChange = { billingReason: 'subscription_update', amountPaid: brl(20_000) }
  const renewals = async () => (await told()).filter((type) => type === 'subscription.renewed')
  const amounts = async () => (await recorded(seeded, projectId)).transfers.map(({ amount }) => amount)

  it('is entered once when a hint names it, however often, and the change is not told again', async () => {
    const { hint, follow, look } = await hidden({})
    expect(await amounts()).toEqual([20_000])
    await sixteenTimes(hint)
    expect(await amounts()).toEqual([20_000, 9_900])
    expect(await renewals()).toHaveLength(1)
    const before = await recorded(seeded, projectId)
    await hint()
    await follow()
    expect(await recorded(seeded, projectId)).toEqual(before)
    await look(3)
    expect(await renewals()).toHaveLength(2)
    expectNoGaps(await recorded(seeded, projectId))
  })

  it('is entered although its period is over when somebody finds it', async () => {
    const { hint, look } = await hidden({})
    await look(4)
    expect(await amounts()).toEqual([20_000, 9_900])
    await hint()
    expect(await amounts()).toEqual([20_000, 9_900, 9_900])
    const { subscriptions } = await recorded(seeded, projectId)
    expect(subscriptions).toMatchObject([{ currentPeriodStart: new Date(soldAt + 3 * MONTH) }])
  })

  it('opens its case when it was declined, which its payment ends', async () => {
    const { hint, invoice, follow, subject } = await hidden({ status: 'open' })
    expect((await hint()).openCases).toEqual([invoice.invoiceId])
    const { subscriptions } = await recorded(seeded, projectId)
    expect(subscriptions).toMatchObject([{ status: 'past_due' }])
    stage.scripted.billing.showInvoice({ ...invoice, status: 'paid', amountPaid: brl(9_900) })
    const { known } = await stage.follow({ ...subject, invoiceId: invoice.invoiceId })
    expect(known).toMatchObject({ status: 'active', openCases: 0 })
    expect(await amounts()).toEqual([20_000, 9_900])
    await follow()
    expect((await told()).filter((type) => type === 'subscription.recovered')).toHaveLength(1)
  })

  it('does not resume what is paused', async () => {
    const { hint, look, shown } = await hidden({})
    await look(2, { ...shown, status: 'paused' })
    expect((await hint()).known).toMatchObject({ status: 'paused' })
    expect(await amounts()).toEqual([20_000, 9_900])
  })

  it('that is gone by now is none', async () => {
    const { subject } = await hidden({})
    expect(await stage.follow({ ...subject, hintedInvoices: ['in_gone'] })).toMatchObject({ openCases: [] })
  })
})

describe('its terms', () => {
  it('are told each time they change: a wish to end, taken back, and wished again', async () => {
    const { look } = await sell()
    await look(1)
    for (const cancelAtPeriodEnd of [true, false, true]) await look(1, { cancelAtPeriodEnd })
    const found = await recorded(seeded, projectId)
    const updates = found.events.filter(({ type }) => type === 'com.quittance.subscription.updated')
    expect(updates.map(({ data }) => 'cancel_at_period_end' in data && data.cancel_at_period_end)).toEqual([
      true,
      false,
      true,
    ])
    expect(found.subscriptions).toMatchObject([{ revision: 4, cancelAtPeriodEnd: true }])
    expectNoGaps(found)
  })

  it('are told when a pause comes and goes, and access with it', async () => {
    const { look } = await sell()
    await look(1)
    for (const status of ['paused', 'active', 'paused', 'active'] as const) await look(1, { status })
    expect((await told()).slice(3)).toEqual(
      Array.from({ length: 2 }, () => [
        'subscription.paused',
        'entitlement.role_revoked pro',
        'notice.subscription_paused',
        'subscription.resumed',
        'entitlement.role_granted pro',
        'notice.subscription_resumed',
      ]).flat(),
    )
    expectNoGaps(await recorded(seeded, projectId))
  })
})

describe('the roles of a user with two subscriptions', () => {
  const role = (name: string, action: 'granted' | 'revoked') => `entitlement.role_${action} ${name}`
  const rolesTold = async () => (await told()).filter((type) => type.startsWith('entitlement.'))

  it('add up, and only the end of the last one that carries a role takes it away', async () => {
    const pro = await sell({ buys: { plan: 'pro' } })
    const team = await sell({ buys: { plan: 'team' } })
    await pro.look(1)
    await team.look(1)
    expect(await rolesTold()).toEqual([role('pro', 'granted'), role('team', 'granted')])
    await pro.look(1, { status: 'canceled' })
    expect(await rolesTold()).toHaveLength(2)
    await team.look(1, { status: 'canceled' })
    expect((await rolesTold()).slice(2)).toEqual([role('pro', 'revoked'), role('team', 'revoked')])
  })

  it('are granted and revoked once when both begin at once and both end at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const both = [await sell({ buys: { plan: 'pro' } }), await sell({ buys: { plan: 'team' } })]
      await Promise.all(both.flatMap(({ look }) => [look(1), look(1), look(1)]))
      await Promise.all(
        both.flatMap(({ look }) => Array.from({ length: 3 }, () => look(1, { status: 'canceled' }))),
      )
      const roles = (await rolesTold()).slice(round * 4)
      expect(roles.slice(0, 2).toSorted()).toEqual([role('pro', 'granted'), role('team', 'granted')])
      expect(roles.slice(2).toSorted()).toEqual([role('pro', 'revoked'), role('team', 'revoked')])
    }
    expectNoGaps(await recorded(seeded, projectId))
  })

  it('are not shared with another user, nor with another project', async () => {
    const mine = await sell({ userId: 'user-1' })
    const theirs = await sell({ userId: 'user-2' })
    await mine.look(1)
    await theirs.look(1)
    expect(await rolesTold()).toEqual([role('pro', 'granted'), role('pro', 'granted')])
    projectId = await seedProject(seeded)
    const elsewhere = await sell({ userId: 'user-1' })
    await elsewhere.look(1)
    expect(await rolesTold()).toEqual([role('pro', 'granted')])
  })
})

describe('the ledger', () => {
  it('is at zero over all accounts, per currency', async () => {
    const sums = await ledgerSums(seeded)
    expect(sums).toEqual([{ currency: 'brl', sum: '0' }])
  })
})
