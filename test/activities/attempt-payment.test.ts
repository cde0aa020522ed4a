import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type AttemptInput, createAttemptPayment } from '../../activities/attempt-payment.ts'
import { inProject } from '../../db/client.ts'
import { listAttempts, readCase } from '../../db/dunning.ts'
import { updateSubscription } from '../../db/subscriptions.ts'
import type { BillingError } from '../../domain/errors.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { ScriptedCard } from '../support/scripted-billing.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { expectNoGaps, recorded, sixteenTimes } from './recorded.ts'
import { createStage, DAY, sell, type Stage } from './sold.ts'

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

/** A renewal that was declined, on a customer with these cards, and three days have gone by. */
async function failed(
  cards: ScriptedCard[] = [{ paymentMethodId: 'pm_1', answer: 'pays', isDefault: true }],
) {
  const { state, scripted, dependencies } = stage
  const sold = await sell(stage, seeded, projectId)
  await sold.look(1)
  const { invoiceId, failedAt } = await sold.fail()
  state.cards = cards
  state.at = failedAt + 3 * DAY
  const attemptPayment = createAttemptPayment(dependencies)
  const attempt = (more: Partial<AttemptInput> = {}) =>
    attemptPayment({
      ...sold.subject,
      invoiceId,
      intent: 'schedule/1',
      trigger: 'schedule',
      retriesDone: 1,
      cause: { by: 'quittance' },
      ...more,
    })
  const inTenant = <Result>(work: Parameters<typeof inProject<Result>>[2]) =>
    inProject(seeded.connections.application, projectId, work)
  return {
    ...sold,
    invoiceId,
    failedAt,
    attempt,
    inTenant,
    billing: scripted.billing,
    fail: scripted.fail,
    forgetKeys: scripted.forgetKeys,
    state,
    /** Ours: the first is the declined renewal. */
    attempts: () =>
      inTenant(async (transaction) => (await listAttempts(transaction, projectId, [invoiceId])).slice(1)),
    case: () => inTenant((transaction) => readCase(transaction, projectId, invoiceId)),
  }
}

/** What has been told since the case was opened. */
async function toldSinceFailure() {
  const { told } = await recorded(seeded, projectId)
  return told.slice(told.indexOf('notice.payment_failed') + 1)
}

describe('a try that pays', () => {
  it('charges the card once, enters the money, and the subscription has recovered', async () => {
    const { attempt, attempts, case: read, billing, invoiceId, state } = await failed()
    const { outcome, followed, view } = await attempt()
    expect({ outcome, status: view.status, known: followed.known?.status }).toEqual({
      outcome: 'succeeded',
      status: 'recovered',
      known: 'active',
    })
    expect(billing.state.charges).toEqual([{ invoiceId, paymentMethodId: 'pm_1' }])
    expect(await attempts()).toMatchObject([
      { intent: 'schedule/1/pm_1', trigger: 'schedule', outcome: 'succeeded', startedAt: new Date(state.at) },
    ])
    expect(await read()).toMatchObject({ status: 'recovered', nextRetryAt: null, retriesDone: 1 })
    const found = await recorded(seeded, projectId)
    expect(found.transfers).toMatchObject([{ amount: 9900 }])
    // No next retry is told of: this one was the last.
    expect(await toldSinceFailure()).toEqual(['notice.payment_recovered', 'subscription.recovered'])
    expectNoGaps(found)
  })

  it('is done once, however often it is repeated', async () => {
    const { attempt, attempts, billing } = await failed()
    for (let time = 0; time < 3; time += 1) await attempt()
    expect(billing.state.tries).toHaveLength(1)
    expect(await attempts()).toHaveLength(1)
    expect((await recorded(seeded, projectId)).transfers).toHaveLength(1)
  })

  it.each(['readSubscription', 'listPaymentMethods', 'payInvoice'])(
    'charges once when %s could not be reached at first',
    async (call) => {
      const { attempt, attempts, billing, fail } = await failed()
      fail(call, 'refused_connection')
      await expect(attempt()).rejects.toMatchObject({ code: 'provider_unavailable' })
      expect((await attempt()).outcome).toBe('succeeded')
      expect(billing.state.charges).toHaveLength(1)
      expect(await attempts()).toHaveLength(1)
    },
  )
})

describe('a try whose answer is lost', () => {
  it('after the card was charged is asked for again, and charges nothing twice', async () => {
    const { attempt, attempts, billing, fail } = await failed()
    fail('payInvoice', 'lost_answer')
    await expect(attempt()).rejects.toMatchObject({ code: 'provider_unavailable' })
    expect(await attempts()).toMatchObject([{ outcome: null }])
    expect((await attempt()).outcome).toBe('succeeded')
    expect(billing.state.tries).toHaveLength(1)
    expect(await attempts()).toMatchObject([{ outcome: 'succeeded' }])
  })

  it('for longer than Stripe remembers is looked up: money that arrived is not asked for again', async () => {
    const { attempt, billing, fail, forgetKeys, state } = await failed()
    fail('payInvoice', 'lost_answer')
    await expect(attempt()).rejects.toMatchObject({ code: 'provider_unavailable' })
    forgetKeys()
    state.at = Date.now() + 2 * DAY
    expect((await attempt()).outcome).toBe('succeeded')
    expect(billing.state.charges).toHaveLength(1)
  })

  it('for longer than Stripe remembers is looked up: a decline is not repeated', async () => {
    const { attempt, attempts, billing, fail, forgetKeys, state } = await failed([
      { paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true },
    ])
    fail('payInvoice', 'lost_answer')
    await expect(attempt()).rejects.toMatchObject({ code: 'provider_unavailable' })
    forgetKeys()
    state.at = Date.now() + 2 * DAY
    expect(await attempt()).toMatchObject({ outcome: 'declined', declineCode: 'insufficient_funds' })
    expect(billing.state.tries).toHaveLength(1)
    expect(await attempts()).toMatchObject([{ outcome: 'declined', declineCode: 'insufficient_funds' }])
  })

  it('is finished as what it was, whatever has been decided meanwhile', async () => {
    const { attempt, billing, fail, inTenant, subscriptionId } = await failed()
    fail('payInvoice', 'lost_answer')
    await expect(attempt()).rejects.toMatchObject({ code: 'provider_unavailable' })
    // The money has been taken: closing the subscription must not hide that.
    await inTenant((transaction) =>
      updateSubscription(transaction, { projectId, subscriptionId }, { closingAt: new Date() }),
    )
    expect((await attempt()).view.status).toBe('recovered')
    expect(billing.state.charges).toHaveLength(1)
  })

  it('and that nobody asks for any more stands in nobody’s way', async () => {
    const { attempt, attempts, fail, state } = await failed()
    fail('payInvoice', 'refused_connection')
    await expect(attempt({ intent: 'operator/1', trigger: 'operator' })).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    await expect(attempt()).rejects.toMatchObject({ code: 'attempt_under_way' })
    state.at = Date.now() + DAY
    expect((await attempt()).outcome).toBe('succeeded')
    expect(await attempts()).toMatchObject([{ outcome: 'not_charged' }, { outcome: 'succeeded' }])
  })
})

describe('tries that come at once', () => {
  it('charge once: the others wait, or find it paid', async () => {
    const { attempt, billing } = await failed()
    let number = 0
    const results = await sixteenTimes(async () => {
      number += 1
      return attempt({ intent: `operator/${number}`, trigger: 'operator' }).then(
        ({ outcome }) => outcome,
        ({ code }: BillingError) => code,
      )
    })
    expect(billing.state.charges).toHaveLength(1)
    const others = results.toSpliced(results.indexOf('succeeded'), 1)
    expect(others.filter((result) => !['attempt_under_way', 'not_charged'].includes(result))).toEqual([])
  })

  it('of the very same retry are one try', async () => {
    const { attempt, attempts, billing } = await failed([
      { paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true },
    ])
    const results = await sixteenTimes(() => attempt())
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['declined']))
    expect(billing.state.tries).toHaveLength(1)
    expect(await attempts()).toHaveLength(1)
    expect(await toldSinceFailure()).toEqual([
      'dunning.retry_failed',
      'alert.payment_failed',
      'notice.payment_failed',
      'dunning.retry_scheduled',
    ])
  })
})

describe('a try that is declined', () => {
  it('is told with its code, and the schedule goes on', async () => {
    const {
      attempt,
      case: read,
      failedAt,
    } = await failed([{ paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true }])
    expect(await attempt()).toMatchObject({
      outcome: 'declined',
      declineCode: 'insufficient_funds',
      view: { status: 'open', lastDecline: 'insufficient funds', retriesDone: 1 },
    })
    expect(await read()).toMatchObject({ retriesDone: 1, nextRetryAt: new Date(failedAt + 5 * DAY) })
    const { events } = await recorded(seeded, projectId)
    expect(events.find(({ type }) => type.endsWith('dunning.retry_failed'))?.data).toMatchObject({
      trigger: 'schedule',
      decline_code: 'insufficient_funds',
    })
    expect(events.findLast(({ type }) => type.endsWith('alert.payment_failed'))?.data).toMatchObject({
      failures: 2,
    })
  })

  it('is told with the decline as its reason, beside the words of whoever asked for the retry', async () => {
    const { attempt } = await failed([
      { paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true },
    ])
    const cause = { by: 'marta', why: 'The bank has lifted its limit.' }
    await attempt({ intent: 'operator/1', trigger: 'operator', retriesDone: 0, cause })
    const { audit } = await recorded(seeded, projectId)
    expect(audit.slice(-2)).toMatchObject([
      { action: 'dunning.retry', actor: 'marta', why: 'The bank has lifted its limit.' },
      {
        action: 'dunning.retry_failed',
        actor: 'marta',
        why: 'The retry that was asked for was declined: insufficient funds.',
      },
    ])
  })

  it('for now is tried again with the next retry', async () => {
    const { attempt, billing, state, failedAt } = await failed([
      { paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true },
    ])
    await attempt()
    state.at = failedAt + 5 * DAY
    await attempt({ intent: 'schedule/2', retriesDone: 2 })
    expect(billing.state.tries).toHaveLength(2)
  })

  it.each<[string, Partial<ScriptedCard>]>([
    ['a stolen card', { answer: 'stolen_card' }],
    ['a bank that asks not to try again', { answer: 'do_not_honor', adviceCode: 'do_not_try_again' }],
    ['an expired card', { answer: 'expired_card' }],
    ['a bank that wants to see the customer', { answer: 'needs_customer' }],
  ])('for good is never tried again on that card: %s', async (_what, card) => {
    const { attempt, billing, state, failedAt } = await failed([
      { paymentMethodId: 'pm_1', answer: 'pays', isDefault: true, ...card },
    ])
    await attempt()
    state.at = failedAt + 5 * DAY
    expect((await attempt({ intent: 'schedule/2', retriesDone: 2 })).outcome).toBe('not_charged')
    expect(billing.state.tries.map(({ paymentMethodId }) => paymentMethodId)).toEqual(['pm_1'])
  })

  it('for good is tried all the same when somebody names the card', async () => {
    const { attempt, billing } = await failed([
      { paymentMethodId: 'pm_1', answer: 'expired_card', isDefault: true },
    ])
    await attempt()
    await attempt({ intent: 'new_card/pm_1', trigger: 'new_card', paymentMethodId: 'pm_1' })
    expect(billing.state.tries).toHaveLength(2)
  })

  it('because the bank wants to see the customer sends the customer a link', async () => {
    const { attempt } = await failed([{ paymentMethodId: 'pm_1', answer: 'needs_customer', isDefault: true }])
    expect(await attempt()).toMatchObject({ outcome: 'needs_customer', view: { status: 'open' } })
    expect((await toldSinceFailure()).slice(-2)).toEqual([
      'notice.authentication_required',
      'dunning.retry_scheduled',
    ])
  })

  it('by Stripe itself, for a card that is gone, has charged nothing and goes to the next', async () => {
    const { attempt, attempts, billing, fail } = await failed([
      { paymentMethodId: 'pm_1', answer: 'pays', isDefault: true },
      { paymentMethodId: 'pm_2', answer: 'pays' },
    ])
    fail('payInvoice', 'stored_refusal')
    expect((await attempt()).outcome).toBe('succeeded')
    expect(await attempts()).toMatchObject([
      { paymentMethodId: 'pm_1', outcome: 'not_charged' },
      { paymentMethodId: 'pm_2', outcome: 'succeeded' },
    ])
    expect(billing.state.charges).toHaveLength(1)
  })
})

describe('several cards', () => {
  const cards = (): ScriptedCard[] => [
    { paymentMethodId: 'pm_old', answer: 'generic_decline', addedAt: 1 },
    { paymentMethodId: 'pm_older', answer: 'pays', addedAt: 2 },
    { paymentMethodId: 'pm_default', answer: 'lost_card', isDefault: true, addedAt: 3 },
    { paymentMethodId: 'pm_never', answer: 'pays', addedAt: 4 },
  ]

  it('are tried in their order, until one pays', async () => {
    const { attempt, billing } = await failed(cards())
    expect((await attempt()).outcome).toBe('succeeded')
    expect(billing.state.tries.map(({ paymentMethodId }) => paymentMethodId)).toEqual([
      'pm_default',
      'pm_old',
      'pm_older',
    ])
  })

  it('are each tried once, and one charge is made, wherever the way through them is broken off', async () => {
    for (let calls = 0; calls < 3; calls += 1) {
      stage = createStage(seeded)
      const { attempt, billing, fail } = await failed(cards())
      let seen = 0
      const { payInvoice } = stage.dependencies.provider
      stage.dependencies.provider.payInvoice = (request, key) => {
        if (seen === calls) fail('payInvoice', 'lost_answer')
        seen += 1
        return payInvoice(request, key)
      }
      await expect(attempt()).rejects.toMatchObject({ code: 'provider_unavailable' })
      expect((await attempt()).view.status).toBe('recovered')
      expect(billing.state.tries).toHaveLength(3)
      expect(billing.state.charges).toHaveLength(1)
    }
  })

  it('are charged from then on when they pay in place of one that the bank has refused for good', async () => {
    const { attempt, state } = await failed(cards())
    await attempt()
    expect(state.cards.find(({ isDefault }) => isDefault)?.paymentMethodId).toBe('pm_older')
  })

  it('leave the default where it is when it may pay another day', async () => {
    const { attempt, state } = await failed(
      cards().map((card) => (card.isDefault ? { ...card, answer: 'insufficient_funds' } : card)),
    )
    await attempt()
    expect(state.cards.find(({ isDefault }) => isDefault)?.paymentMethodId).toBe('pm_default')
  })
})

describe('a new card', () => {
  const brought = { intent: 'new_card/pm_2', trigger: 'new_card', paymentMethodId: 'pm_2' } as const
  const cards = (answer: string): ScriptedCard[] => [
    { paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true },
    { paymentMethodId: 'pm_2', answer },
  ]
  /** Without using up a retry. */
  const bring = async (answer: string) => {
    const world = await failed(cards(answer))
    const { retriesDone: _none, ...input } = { ...brought, retriesDone: undefined }
    return { ...world, bring: () => world.attempt({ ...input, retriesDone: 0 }) }
  }

  it('that pays is charged from then on, and uses up no retry', async () => {
    const { bring: pay, state, case: read } = await bring('pays')
    expect((await pay()).outcome).toBe('succeeded')
    expect(state.tries.map(({ paymentMethodId }) => paymentMethodId)).toEqual(['pm_2'])
    expect(state.cards.find(({ isDefault }) => isDefault)?.paymentMethodId).toBe('pm_2')
    expect(await read()).toMatchObject({ status: 'recovered', retriesDone: 0 })
  })

  it('that is declined stays a backup', async () => {
    const { bring: pay, state, case: read } = await bring('insufficient_funds')
    expect((await pay()).outcome).toBe('declined')
    expect(state.cards.find(({ isDefault }) => isDefault)?.paymentMethodId).toBe('pm_1')
    expect(await read()).toMatchObject({ status: 'open', retriesDone: 0 })
  })

  it('becomes the one to charge although that was broken off after the payment', async () => {
    const { bring: pay, state, fail } = await bring('pays')
    fail('chargeRenewalsTo', 'refused_connection')
    await expect(pay()).rejects.toMatchObject({ code: 'provider_unavailable' })
    await pay()
    expect(state.charges).toHaveLength(1)
    expect(state.cards.find(({ isDefault }) => isDefault)?.paymentMethodId).toBe('pm_2')
  })
})

describe('nothing is charged', () => {
  it('once the subscription is being ended', async () => {
    const { attempt, attempts, inTenant, subscriptionId, billing } = await failed()
    await inTenant((transaction) =>
      updateSubscription(transaction, { projectId, subscriptionId }, { closingAt: new Date() }),
    )
    expect((await attempt()).outcome).toBe('not_charged')
    expect([billing.state.tries, await attempts()]).toEqual([[], []])
  })

  it('once it has ended at Stripe', async () => {
    const { attempt, billing, show, invoice } = await failed()
    show(2, { status: 'canceled', endedAt: stage.state.at, latestInvoice: invoice(2, { status: 'open' }) })
    expect((await attempt()).view.status).toBe('canceled')
    expect(billing.state.tries).toEqual([])
  })

  it('when the customer has paid by hand a moment before, and the recovery is told once', async () => {
    const { attempt, billing, show } = await failed()
    show(2)
    expect(await attempt()).toMatchObject({ outcome: 'not_charged', view: { status: 'recovered' } })
    expect(billing.state.tries).toEqual([])
    await attempt()
    expect((await toldSinceFailure()).filter((type) => type.includes('recovered'))).toHaveLength(2)
  })

  it('when the invoice is void by then', async () => {
    const { attempt, billing, show, invoice } = await failed()
    show(2, { latestInvoice: invoice(2, { status: 'void' }) })
    expect(await attempt()).toMatchObject({ outcome: 'not_charged', view: { status: 'voided' } })
    expect(billing.state.tries).toEqual([])
  })

  it('when there is no card at all', async () => {
    const { attempt } = await failed([])
    expect(await attempt()).toMatchObject({
      outcome: 'not_charged',
      view: { status: 'open', retriesDone: 1 },
    })
  })
})

describe('scheduled retries', () => {
  it('are used up before they are tried: a crash makes one late, never one too many', async () => {
    const { attempt, case: read, fail } = await failed()
    fail('listPaymentMethods', 'refused_connection')
    await expect(attempt({ intent: 'schedule/2', retriesDone: 2 })).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    expect(await read()).toMatchObject({ retriesDone: 2 })
    expect((await attempt({ intent: 'schedule/2', retriesDone: 2 })).outcome).toBe('succeeded')
  })

  it('are not given back by an older run', async () => {
    const { attempt, case: read } = await failed([
      { paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true },
    ])
    await attempt({ intent: 'schedule/3', retriesDone: 3 })
    await attempt()
    expect(await read()).toMatchObject({ retriesDone: 3, nextRetryAt: null })
  })
})
