import { describe, expect, it } from 'vitest'
import { decideSubscription } from '../../domain/decide-subscription.ts'
import {
  hasAccess,
  type KnownSubscription,
  type PendingChange,
  type SubscriptionSnapshot,
  subscriptionStatuses,
} from '../../domain/subscription.ts'
import { brl, invoiceSeen, knownAs, subscriptionSeen } from '../support/snapshots.ts'
import { cycle, live, liveOn, MONTH, seenIn, sold } from './subscription-lives.ts'

describe('the life of a subscription', () => {
  it('is not recorded before Stripe lets it run', () => {
    expect(live(seenIn(1, { status: 'incomplete' }))).toMatchObject({ status: 'incomplete', story: [] })
    expect(live(seenIn(1, { status: 'incomplete_expired' }))).toMatchObject({
      status: 'incomplete',
      story: [],
    })
  })

  it('renews when the invoice of the new period is paid, not when Stripe opens the period', () => {
    const opened = seenIn(2, { latestInvoice: cycle(2, 'draft') })
    const paid = seenIn(2, { latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), paid).story).toEqual(['activated', 'renewed in_2'])
    expect(live(seenIn(1), opened).story).toEqual(['activated', 'updated'])
    expect(live(seenIn(1), opened, paid).story).toEqual(['activated', 'updated', 'renewed in_2'])
  })

  it('does not enter the money of the checkout a second time', () => {
    expect(live(seenIn(1)).story).toEqual(['activated'])
  })

  it('enters what is paid at the end of a trial, whether or not we looked while it was being charged', () => {
    const trial = seenIn(1, {
      status: 'trialing',
      latestInvoice: invoiceSeen({ amountPaid: brl(0) }),
    })
    const ended = seenIn(2, { latestInvoice: cycle(2, 'draft') })
    const charged = seenIn(2, { latestInvoice: cycle(2, 'paid') })
    expect(live(trial, ended, charged).story).toEqual(['trial_started', 'activated', 'renewed in_2'])
    expect(live(trial, charged).story).toEqual(['trial_started', 'activated', 'renewed in_2'])
  })

  it('enters what is paid late, by whatever road it recovers', () => {
    const failed = seenIn(2, { status: 'past_due', latestInvoice: cycle(2, 'open') })
    const paid = seenIn(2, { latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), failed, paid)).toMatchObject({
      status: 'active',
      story: ['activated', 'payment_failed', 'recovered in_2'],
    })
  })

  it('recovers without money when the invoice is voided', () => {
    const failed = seenIn(2, { status: 'past_due', latestInvoice: cycle(2, 'open') })
    const voided = seenIn(2, { latestInvoice: cycle(2, 'void') })
    expect(live(seenIn(1), failed, voided).story).toEqual(['activated', 'payment_failed', 'recovered'])
  })

  it('was sold, and is recorded, even if we first look when it has failed, paused or ended', () => {
    const failed = seenIn(2, { status: 'past_due', latestInvoice: cycle(2, 'open') })
    expect(live(failed)).toMatchObject({ status: 'past_due', story: ['activated', 'payment_failed'] })
    expect(live(seenIn(2, { status: 'paused' }))).toMatchObject({
      status: 'paused',
      story: ['trial_started', 'paused'],
    })
    expect(live(seenIn(1, { status: 'canceled' }))).toMatchObject({ status: 'canceled', story: ['canceled'] })
    expect(live(seenIn(2, { latestInvoice: cycle(2, 'paid') })).story).toEqual(['activated', 'renewed in_2'])
  })

  it('tells a renewal that was paid before the end it is seen with', () => {
    const ended = seenIn(2, { status: 'canceled', latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), ended)).toMatchObject({
      status: 'canceled',
      story: ['activated', 'renewed in_2', 'canceled'],
    })
  })

  it('enters other invoices as what they are, not as renewals', () => {
    const upgraded = seenIn(1, {
      quantity: 2,
      latestInvoice: invoiceSeen({ invoiceId: 'in_more', billingReason: 'subscription_update' }),
    })
    expect(live(seenIn(1), upgraded).story).toEqual(['activated', 'updated in_more'])
  })

  it('tells each change of its terms, and each change back', () => {
    const ending = seenIn(1, { cancelAtPeriodEnd: true })
    expect(live(seenIn(1), ending, seenIn(1), ending).story).toEqual([
      'activated',
      'updated',
      'updated',
      'updated',
    ])
  })

  it('tells a payment that came before the end as a recovery, and then the end', () => {
    const failed = seenIn(2, { status: 'past_due', latestInvoice: cycle(2, 'open') })
    const ended = seenIn(2, { status: 'canceled', latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), failed, ended).story).toEqual([
      'activated',
      'payment_failed',
      'recovered in_2',
      'canceled',
    ])
  })

  it('enters with its end what was paid in a trial', () => {
    const trial = seenIn(1, { status: 'trialing' })
    const ended = seenIn(2, { status: 'canceled', latestInvoice: cycle(2, 'paid') })
    expect(live(trial, ended).story).toEqual(['trial_started', 'canceled in_2'])
  })

  it.each(['past_due', 'unpaid'] as const)(
    'has not failed while Stripe still says %s of what is paid: the invoice is marked first',
    (status) => {
      const failed = seenIn(2, { status, latestInvoice: cycle(2, 'open') })
      const paid = seenIn(2, { status, latestInvoice: cycle(2, 'paid') })
      expect(live(seenIn(1), failed, paid, paid)).toMatchObject({
        status: 'active',
        story: ['activated', 'payment_failed', 'recovered in_2'],
      })
      const trial = seenIn(1, { status: 'trialing' })
      expect(live(trial, paid).story).toEqual(['trial_started', 'activated', 'renewed in_2'])
    },
  )

  it('fails from a trial as it does later: nothing was activated', () => {
    const trial = seenIn(1, { status: 'trialing' })
    const failed = seenIn(2, { status: 'past_due', latestInvoice: cycle(2, 'open') })
    expect(live(trial, failed).story).toEqual(['trial_started', 'payment_failed'])
  })

  it('is ended by a first payment that was never made, once it ran, and by nothing that is still incomplete', () => {
    expect(live(seenIn(1), seenIn(1, { status: 'incomplete' })).story).toEqual(['activated'])
    expect(live(seenIn(1), seenIn(1, { status: 'incomplete_expired' })).story).toEqual([
      'activated',
      'canceled',
    ])
  })

  it('begins with the plan that it runs on, where that was changed before we first looked', () => {
    const { story, life } = live(seenIn(1, { priceId: 'price_team' }))
    expect(story).toEqual(['activated'])
    expect(life.known.planId).toBe('team')
  })

  it('is not moved back by an older look that comes late, but is ended by it', () => {
    const renewed = seenIn(2, { latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), renewed, seenIn(1)).story).toEqual(['activated', 'renewed in_2'])
    expect(live(seenIn(1), renewed, seenIn(1, { status: 'canceled' })).status).toBe('canceled')
  })

  it('stays ended', () => {
    const paid = seenIn(3, { latestInvoice: cycle(3, 'paid') })
    expect(live(seenIn(1, { status: 'canceled' }), paid)).toMatchObject({
      status: 'canceled',
      story: ['canceled'],
    })
  })

  it('has no state that no look can reach', () => {
    expect([...subscriptionStatuses].toSorted()).toEqual(
      [
        'incomplete',
        live(seenIn(1, { status: 'trialing' })).status,
        live(seenIn(1)).status,
        live(seenIn(2, { status: 'past_due' })).status,
        live(seenIn(2, { status: 'paused' })).status,
        live(seenIn(2, { status: 'canceled' })).status,
      ].toSorted(),
    )
  })
})

describe('what is told as new terms', () => {
  const decided = (
    known: Partial<KnownSubscription>,
    seen: Partial<SubscriptionSnapshot>,
    graceEnded = false,
  ) =>
    decideSubscription(knownAs(known), {
      ...subscriptionSeen(seen),
      plan: { planId: 'pro', planVersion: 1 },
      graceEnded,
    })
  const news = { change: undefined, paidInvoice: undefined, pendingChange: undefined }

  it('is nothing where all is as it is known', () => {
    expect(decided({}, {})).toBeUndefined()
  })

  it.each<[Partial<SubscriptionSnapshot>]>([
    [{ currentPeriodStart: 1 }],
    [{ currentPeriodEnd: 1 }],
    [{ cancelAtPeriodEnd: true }],
    [{ trialEnd: 1 }],
    [{ quantity: 2 }],
  ])('is each of them alone: %j', (seen) => {
    expect(decided({}, seen)).toEqual({ status: 'active', ...news })
  })

  it('is the end of a grace', () => {
    expect(decided({}, {}, true)).toEqual({ status: 'active', ...news })
  })

  it.each(['trialing', 'paused'] as const)('is told of one that stays %s', (status) => {
    expect(decided({ status }, { status, quantity: 2 })).toEqual({ status, ...news })
    expect(decided({ status }, { status })).toBeUndefined()
  })

  it('gives no access back while an invoice is left unpaid that nobody works through any more', () => {
    const latestInvoice = cycle(3, 'paid')
    expect(decided({ status: 'past_due', leftUnpaid: ['in_2'] }, { latestInvoice })).toEqual({
      ...news,
      status: 'past_due',
      paidInvoice: latestInvoice,
    })
  })
})

describe('unpaid invoices', () => {
  const failed = (period: number) =>
    seenIn(period, { status: 'past_due', latestInvoice: cycle(period, 'open') })
  const paid = (period: number) => seenIn(period, { latestInvoice: cycle(period, 'paid') })

  it('keep it past due while an earlier one is open, whatever Stripe says of the latest', () => {
    const behind = liveOn(sold(), seenIn(1), failed(2), paid(3))
    expect(behind).toMatchObject({
      status: 'past_due',
      story: ['activated', 'payment_failed', 'updated in_3'],
      life: { known: { openCases: 1 } },
    })
  })

  it('make it past due again where somebody has set it straight at Stripe by hand, and let go with the last', () => {
    const { life } = liveOn(sold(), seenIn(1), failed(2))
    const other = { ...life, cases: { ...life.cases, in_1b: 'open' as const } }
    expect(liveOn(other, paid(2))).toMatchObject({ status: 'past_due', story: ['updated in_2'] })
    const settled = { ...other, cases: { in_1b: 'recovered' as const } }
    expect(liveOn(settled, paid(2))).toMatchObject({ status: 'active', story: ['recovered in_2'] })
  })
})

describe('an earlier invoice that is open', () => {
  const owing = (known: Partial<KnownSubscription>) => ({
    known: { ...sold().known, ...known },
    cases: { in_0: 'open' as const },
  })

  it('makes past due what Stripe takes for active, and no more than once', () => {
    const { story, life } = liveOn(owing({ status: 'active' }), seenIn(1), seenIn(1))
    expect(story).toEqual(['payment_failed'])
    expect(life.known.status).toBe('past_due')
  })

  it.each([
    ['incomplete', 'activated'],
    ['paused', 'resumed'],
  ] as const)('lets one that is %s be told as %s first', (status, told) => {
    expect(liveOn(owing({ status }), seenIn(1)).story).toEqual([told, 'payment_failed'])
  })
})

describe('a change of plan', () => {
  const toTeam = { priceId: 'price_team' }
  const upgrade = invoiceSeen({ invoiceId: 'in_up', billingReason: 'subscription_update' })

  it('is told once, with the money that belongs to it', () => {
    const { story, life } = live(seenIn(1), seenIn(1, { ...toTeam, latestInvoice: upgrade }))
    expect(story).toEqual(['activated', 'plan_changed in_up'])
    expect(life.known).toMatchObject({ planId: 'team', planVersion: 1, paidInvoiceId: 'in_up' })
  })

  it('comes before the renewal that is seen in the same look', () => {
    const renewed = seenIn(2, { ...toTeam, latestInvoice: cycle(2, 'paid') })
    expect(live(seenIn(1), renewed).story).toEqual(['activated', 'plan_changed', 'renewed in_2'])
  })

  it('comes before the failure, and before the end, that are seen in the same look', () => {
    const failed = seenIn(2, { ...toTeam, status: 'past_due', latestInvoice: cycle(2, 'open') })
    expect(live(seenIn(1), failed).story).toEqual(['activated', 'plan_changed', 'payment_failed'])
    expect(live(seenIn(1), seenIn(1, { ...toTeam, status: 'canceled' })).story).toEqual([
      'activated',
      'plan_changed',
      'canceled',
    ])
  })

  it('to a new version of the same plan is one too', () => {
    expect(live(seenIn(1), seenIn(1, { priceId: 'price_pro_2' })).story).toEqual([
      'activated',
      'plan_changed',
    ])
  })

  it('to a price that is none of ours leaves the plan what it was', () => {
    expect(live(seenIn(1), seenIn(1, { priceId: 'price_by_hand' })).story).toEqual(['activated'])
  })

  it('of the quantity alone is told as new terms', () => {
    expect(live(seenIn(1), seenIn(1, { quantity: 3 }))).toMatchObject({
      story: ['activated', 'updated'],
      life: { known: { quantity: 3, planId: 'pro' } },
    })
  })
})

describe('a change that is pending', () => {
  const pendingChange = {
    planId: 'team',
    planVersion: 1,
    quantity: 1,
    when: 'period_end' as const,
    at: 2 * MONTH,
  }
  const scheduled = seenIn(1, { scheduleId: 'sub_sched_1' })
  const asked = (change: Partial<PendingChange> = {}) => {
    const { life } = live(scheduled)
    return { ...life, known: { ...life.known, pendingChange: { ...pendingChange, ...change } } }
  }

  it('stays while Stripe knows of it', () => {
    expect(liveOn(asked(), scheduled)).toMatchObject({ story: [], life: { known: { pendingChange } } })
  })

  it('is over when it has come, with the renewal that it came with', () => {
    const come = seenIn(2, { priceId: 'price_team', latestInvoice: cycle(2, 'paid') })
    const { story, life } = liveOn(asked(), come)
    expect(story).toEqual(['renewed in_2'])
    expect(life.known).toMatchObject({ planId: 'team' })
    expect(life.known).not.toHaveProperty('pendingChange')
  })

  it.each([
    ['plan', { planId: 'enterprise' }],
    ['version of it', { planVersion: 2 }],
  ])('is not what has come where that is another %s: both are told', (_what, change) => {
    const come = seenIn(2, { priceId: 'price_team', latestInvoice: cycle(2, 'paid') })
    expect(liveOn(asked(change), come).story).toEqual(['plan_changed', 'renewed in_2'])
  })

  it('is a renewal only when the invoice of the new period is paid', () => {
    const come = seenIn(2, { priceId: 'price_team', latestInvoice: cycle(2, 'draft') })
    const paid = seenIn(2, { priceId: 'price_team', latestInvoice: cycle(2, 'paid') })
    expect(liveOn(asked(), come, paid).story).toEqual(['plan_changed', 'renewed in_2'])
    const upgrade = invoiceSeen({ invoiceId: 'in_up', billingReason: 'subscription_update' })
    const atOnce = seenIn(1, { priceId: 'price_team', latestInvoice: upgrade })
    expect(liveOn(asked(), atOnce).story).toEqual(['plan_changed in_up'])
  })

  it('comes apart from the recovery of one that was behind', () => {
    const { known, cases } = asked()
    const come = seenIn(2, { priceId: 'price_team', latestInvoice: cycle(2, 'paid') })
    expect(liveOn({ known: { ...known, status: 'past_due' }, cases }, come).story).toEqual([
      'plan_changed',
      'recovered in_2',
    ])
  })

  it.each([
    ['version', { planId: 'pro', planVersion: 2 }],
    ['quantity', { planId: 'pro', quantity: 5 }],
  ])('to another %s of the same plan stays until it has come', (_what, change) => {
    expect(liveOn(asked(change), scheduled)).toMatchObject({
      story: [],
      life: { known: { pendingChange: change } },
    })
  })

  it('is over when it was taken back at Stripe, or has lapsed unpaid', () => {
    for (const [change, seen] of [
      [{}, seenIn(1)],
      [{ when: 'now' as const }, seenIn(1, { hasPendingUpdate: false })],
    ] as const) {
      const { story, life } = liveOn(asked(change), seen)
      expect(story).toEqual(['updated'])
      expect(life.known).not.toHaveProperty('pendingChange')
    }
  })

  it('that waits for its payment stays while the payment is waited for', () => {
    const waiting = seenIn(1, { hasPendingUpdate: true })
    expect(liveOn(asked({ when: 'now' }), waiting).story).toEqual([])
  })

  it('of the quantity alone is over when the quantity has come', () => {
    const more = asked({ planId: 'pro', quantity: 5 })
    const { life } = liveOn(more, { ...scheduled, quantity: 5 })
    expect(life.known).toMatchObject({ quantity: 5 })
    expect(life.known).not.toHaveProperty('pendingChange')
  })
})

describe('grace', () => {
  it('that ends takes access away, and a payment brings it back', () => {
    const { life } = live(seenIn(1), seenIn(2, { status: 'past_due', latestInvoice: cycle(2, 'open') }))
    const ended = { ...life, known: { ...life.known, graceEnded: true } }
    expect(hasAccess(ended.known)).toBe(false)
    const { life: recovered } = liveOn(ended, seenIn(2, { latestInvoice: cycle(2, 'paid') }))
    expect(recovered.known).toMatchObject({ status: 'active', graceEnded: false })
    expect(hasAccess(recovered.known)).toBe(true)
  })
})
