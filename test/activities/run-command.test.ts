import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAttemptPayment } from '../../activities/attempt-payment.ts'
import { createRecordDunningStep } from '../../activities/dunning-steps.ts'
import { createLeaveExhausted } from '../../activities/leave-exhausted.ts'
import { type CommandInput, createRunCommand } from '../../activities/run-command.ts'
import { findLatestPlan, setPrice, toPlan } from '../../db/catalog.ts'
import { inProject } from '../../db/client.ts'
import { listCases, setPolicy } from '../../db/dunning.ts'
import { findSubscription } from '../../db/subscriptions.ts'
import { defaultDunningPolicy } from '../../domain/dunning-policy.ts'
import type { SubscriptionCommand } from '../../domain/commands.ts'
import { BillingError } from '../../domain/errors.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { expectNoGaps, recorded, sixteenTimes } from './recorded.ts'
import { createStage, DAY, MONTH, sell, soldAt, type Stage } from './sold.ts'

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
  stage.state.cards = [{ paymentMethodId: 'pm_1', answer: 'pays', isDefault: true }]
  await inTenant(async (transaction) => {
    for (const planId of ['pro', 'team']) {
      const plan = await findLatestPlan(transaction, projectId, planId)
      if (!plan) throw new Error(`no plan ${planId}`)
      const price = { priceId: priceOf(planId), productId: `prod_${planId}` }
      await setPrice(transaction, projectId, { kind: 'plan', plan: toPlan(plan) }, price)
    }
  })
})

const priceOf = (planId: string) => `price_${planId}_${projectId.slice(-6)}`
const inTenant = <Result>(work: Parameters<typeof inProject<Result>>[2]) =>
  inProject(seeded.connections.application, projectId, work)
const told = async () => (await recorded(seeded, projectId)).told
const since = async (type: string) => {
  const all = await told()
  return all.slice(all.lastIndexOf(type) + 1)
}

/** A running subscription to `pro`, and its commands. */
async function running() {
  const sold = await sell(stage, seeded, projectId)
  await sold.look(1, { priceId: priceOf('pro') })
  let commands = 0
  const runCommand = createRunCommand(stage.dependencies)
  const run = (command: SubscriptionCommand, more: Partial<CommandInput> = {}) => {
    commands += 1
    return runCommand({
      ...sold.subject,
      commandId: `command-${commands}`,
      command,
      cause: { by: 'key_1', why: 'The customer asked.' },
      at: stage.state.at,
      ...more,
    })
  }
  const row = async () => {
    const found = await inTenant((transaction) =>
      findSubscription(transaction, projectId, sold.subscriptionId),
    )
    if (!found) throw new Error('no subscription')
    return found.subscription
  }
  const { billing, fail } = stage.scripted
  const shown = () => billing.subscription(sold.subject.stripeSubscriptionId)
  return { ...sold, failRenewal: sold.fail, run, row, shown, fail, billing, state: stage.state }
}

/** One whose renewal has failed. */
async function pastDue() {
  const world = await running()
  const { invoiceId, failedAt } = await world.failRenewal()
  return { ...world, invoiceId, failedAt }
}

const upgrade: SubscriptionCommand = { kind: 'changePlan', planId: 'team', when: 'now' }
const downgradeLater: SubscriptionCommand = { kind: 'changePlan', planId: 'team', when: 'period_end' }

describe('a command', () => {
  it('is done once, however often it is repeated and by however many at once', async () => {
    const { run, row, shown } = await running()
    await sixteenTimes(() => run(upgrade, { commandId: 'the-same' }))
    await run(upgrade, { commandId: 'the-same' })
    expect(shown().priceId).toBe(priceOf('team'))
    expect(await row()).toMatchObject({ planId: 'team', status: 'active' })
    const found = await recorded(seeded, projectId)
    expect(found.told.filter((type) => type === 'subscription.updated')).toHaveLength(1)
    expect(found.audit.filter(({ action }) => action === 'command.changePlan')).toMatchObject([
      {
        actor: 'key_1',
        why: 'The plan becomes team at once. The customer asked.',
        after: { planId: 'team', when: 'now' },
      },
    ])
    expectNoGaps(found)
  })

  it('is told as done again by whoever repeats it, although it could not be done a second time', async () => {
    const { run, shown } = await running()
    const first = await run({ kind: 'cancel', at: 'period_end' }, { commandId: 'the-same' })
    const again = await run({ kind: 'cancel', at: 'period_end' }, { commandId: 'the-same' })
    expect([first.refusal, again.refusal]).toEqual([undefined, undefined])
    expect(shown().cancelAtPeriodEnd).toBe(true)
    expect((await run({ kind: 'cancel', at: 'period_end' })).refusal?.code).toBe('already_canceling')
  })

  it('is told as done where its answer was lost and somebody else has seen what it did', async () => {
    const { run, follow, row } = await running()
    const { setCancelAtPeriodEnd } = stage.dependencies.provider
    stage.dependencies.provider.setCancelAtPeriodEnd = async (id, cancel) => {
      await setCancelAtPeriodEnd(id, cancel)
      stage.dependencies.provider.setCancelAtPeriodEnd = setCancelAtPeriodEnd
      throw new BillingError('provider_unavailable')
    }
    const cancel = () => run({ kind: 'cancel', at: 'period_end' }, { commandId: 'the-same' })
    await expect(cancel()).rejects.toMatchObject({ code: 'provider_unavailable' })
    await follow()
    expect((await cancel()).refusal).toBeUndefined()
    expect(await row()).toMatchObject({ cancelAtPeriodEnd: true })
  })

  it('is refused by the row, whatever the workflow remembers, and the refusal stays the answer', async () => {
    const { run, look } = await running()
    await look(1, { status: 'canceled', endedAt: soldAt, priceId: priceOf('pro') })
    const refused = await run(upgrade, { commandId: 'the-same' })
    expect(refused).toMatchObject({
      refusal: { code: 'subscription_ended' },
      followed: { known: { status: 'canceled' } },
    })
    expect((await run(upgrade, { commandId: 'the-same' })).refusal).toEqual(refused.refusal)
    expect(
      (await recorded(seeded, projectId)).audit.filter(({ action }) => action.startsWith('command.')),
    ).toEqual([])
  })
})

describe('a change of plan', () => {
  it('at once counts when it is paid, with its money and its roles', async () => {
    const { run, row } = await running()
    const { followed } = await run(upgrade)
    expect(followed.known).toMatchObject({ planId: 'team', status: 'active' })
    expect(await since('entitlement.role_granted')).toEqual([])
    expect((await told()).slice(-2)).toEqual(['subscription.updated', 'entitlement.role_granted'])
    expect(await row()).not.toMatchObject({ paidInvoiceId: null })
    expect((await recorded(seeded, projectId)).transfers).toMatchObject([{ amount: 9900 }])
  })

  it('that is declined leaves everything as it was, and so does repeating it', async () => {
    const { run, row, shown, state } = await running()
    state.cards = [{ paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true }]
    const before = [await row(), shown(), await told()]
    for (let time = 0; time < 2; time += 1)
      expect((await run(upgrade, { commandId: 'the-same' })).refusal).toMatchObject({
        code: 'card_declined',
        facts: { decline_code: 'insufficient_funds' },
      })
    const { revision: _one, updatedAt: _then, ...rest } = before[0] as Awaited<ReturnType<typeof row>>
    expect(await row()).toMatchObject(rest)
    expect([shown(), await told()]).toEqual(before.slice(1))
  })

  it('that is declined leaves a change standing that was asked for before', async () => {
    const { run, row, shown, state } = await running()
    await run(downgradeLater)
    state.cards = [{ paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true }]
    expect((await run({ ...upgrade, quantity: 3 })).refusal?.code).toBe('card_declined')
    expect(shown().scheduleId).toBeDefined()
    expect(await row()).toMatchObject({ pendingChange: { planId: 'team', when: 'period_end' } })
  })

  it('at the period’s end is pending until then, and then told as the change', async () => {
    const { run, row, look } = await running()
    const { followed } = await run(downgradeLater)
    expect(followed.known?.pendingChange).toMatchObject({
      planId: 'team',
      when: 'period_end',
      at: soldAt + MONTH,
    })
    expect(await row()).toMatchObject({ planId: 'pro' })
    await look(2, { priceId: priceOf('team') })
    expect(await row()).toMatchObject({ planId: 'team', pendingChange: null })
    expect((await told()).slice(-3)).toEqual([
      'subscription.renewed',
      'subscription.updated',
      'entitlement.role_granted',
    ])
    const { audit } = await recorded(seeded, projectId)
    expect(audit.slice(-2)).toMatchObject([
      { action: 'subscription.renewed', actor: 'stripe', why: 'The invoice of a new period was paid.' },
      { action: 'subscription.plan_changed', actor: 'key_1', why: 'The customer asked.' },
    ])
  })

  it('is not forgotten by a look that began before it was made', async () => {
    const { run, row, subject, snapshot } = await running()
    const { readSubscription } = stage.dependencies.provider
    const before = snapshot(1, { priceId: priceOf('pro') })
    const { revision } = await row()
    await run(downgradeLater)
    let looks = 0
    stage.dependencies.provider.readSubscription = async (id) =>
      looks++ === 0 ? before : readSubscription(id)
    await stage.follow({ ...subject, knownRevision: revision })
    expect(looks).toBe(2)
    expect(await row()).toMatchObject({ pendingChange: { planId: 'team' } })
  })

  it('is taken back by naming the plan it is on', async () => {
    const { run, row, shown } = await running()
    await run(downgradeLater)
    expect((await run({ kind: 'changePlan', planId: 'pro', when: 'now' })).refusal).toBeUndefined()
    expect(shown().scheduleId).toBeUndefined()
    expect(await row()).toMatchObject({ planId: 'pro', pendingChange: null })
  })

  it('that the bank wants to see the customer for waits with a link, and counts when it is paid', async () => {
    const { run, row, look, invoice, state } = await running()
    state.cards = [{ paymentMethodId: 'pm_1', answer: 'needs_customer', isDefault: true }]
    const { followed, refusal } = await run(upgrade)
    expect(refusal).toBeUndefined()
    expect(followed.known).toMatchObject({
      planId: 'pro',
      pendingChange: { planId: 'team', when: 'now', payUrl: expect.stringContaining('http') as string },
    })
    await look(1, {
      priceId: priceOf('team'),
      latestInvoice: invoice(1, { invoiceId: 'in_up', billingReason: 'subscription_update' }),
    })
    expect(await row()).toMatchObject({ planId: 'team', pendingChange: null })
  })

  it.each([
    ['waits to be charged', { status: 'draft', attempted: false }],
    ['was declined a moment ago', { status: 'open' }],
  ] as const)(
    'is refused while the invoice of a renewal %s: a later invoice would hide it',
    async (_what, renewal) => {
      for (const command of [upgrade, downgradeLater, { kind: 'pause' } as const]) {
        const { run, show, shown, invoice } = await running()
        show(2, { priceId: priceOf('pro'), latestInvoice: invoice(2, renewal) })
        expect((await run(command)).refusal?.code).toBe('renewal_under_way')
        expect(shown()).toMatchObject({ priceId: priceOf('pro'), status: 'active' })
        expect(shown().scheduleId).toBeUndefined()
      }
    },
  )

  it('that was made before the renewal counts, although its answer was lost until the renewal began', async () => {
    const { run, row, show, invoice, fail } = await running()
    fail('changeNow', 'lost_answer')
    const change = () => run(upgrade, { commandId: 'the-same' })
    await expect(change()).rejects.toMatchObject({ code: 'provider_unavailable' })
    const draft = invoice(2, { status: 'draft', attempted: false })
    show(2, { priceId: priceOf('team'), latestInvoice: draft })
    expect((await change()).refusal).toBeUndefined()
    expect(await row()).toMatchObject({ planId: 'team' })
  })

  it.each([
    ['a plan that is not sold', { planId: 'gold' }, 'plan_not_found'],
    ['the plan it is on', { planId: 'pro' }, 'same_plan'],
  ])('to %s is refused', async (_what, change, code) => {
    const { run } = await running()
    expect((await run({ ...upgrade, ...change })).refusal?.code).toBe(code)
  })

  it.each(['changeNow', 'changeAtPeriodEnd'] as const)(
    'survives that the answer of %s is lost',
    async (call) => {
      const { run, row, fail } = await running()
      const command = call === 'changeNow' ? upgrade : downgradeLater
      fail(call, 'lost_answer')
      await expect(run(command, { commandId: 'the-same' })).rejects.toMatchObject({
        code: 'provider_unavailable',
      })
      expect((await run(command, { commandId: 'the-same' })).refusal).toBeUndefined()
      const expected = call === 'changeNow' ? { planId: 'team' } : { pendingChange: { planId: 'team' } }
      expect(await row()).toMatchObject(expected)
    },
  )
})

describe('the end of a subscription', () => {
  it('now takes roles away, makes what is open void, and closes it to every charge', async () => {
    const { run, row, billing, invoiceId, subject } = await pastDue()
    const { followed } = await run({ kind: 'cancel', at: 'now' })
    expect(followed.known?.status).toBe('canceled')
    expect(billing.invoice(invoiceId).status).toBe('void')
    expect((await row()).closingAt).not.toBeNull()
    expect(
      await inTenant((transaction) => listCases(transaction, projectId, [subject.subscriptionId])),
    ).toMatchObject([{ endActionAt: expect.any(Date) as Date }])
    expect(await told()).toContain('entitlement.role_revoked')
    const attempt = createAttemptPayment(stage.dependencies)
    const cause = { by: 'quittance' }
    const late = await attempt({ ...subject, invoiceId, intent: 'schedule/1', trigger: 'schedule', cause })
    expect([late.outcome, billing.state.charges]).toEqual(['not_charged', []])
  })

  it('waits for a charge that is under way: its outcome decides what is owed', async () => {
    const { run, row, fail, invoiceId, subject, billing } = await pastDue()
    const attempt = createAttemptPayment(stage.dependencies)
    const retry = () =>
      attempt({
        ...subject,
        invoiceId,
        intent: 'schedule/1',
        trigger: 'schedule',
        cause: { by: 'quittance' },
      })
    fail('payInvoice', 'lost_answer')
    await expect(retry()).rejects.toMatchObject({ code: 'provider_unavailable' })
    const cancel = () => run({ kind: 'cancel', at: 'now' }, { commandId: 'the-same' })
    await expect(cancel()).rejects.toMatchObject({ code: 'attempt_under_way' })
    expect((await row()).closingAt).toBeNull()
    await retry()
    expect((await cancel()).followed.known?.status).toBe('canceled')
    expect(billing.state.charges).toHaveLength(1)
  })

  it('races a retry without a charge after it: one of the two comes first', async () => {
    for (let round = 0; round < 8; round += 1) {
      stage = createStage(seeded)
      stage.state.cards = [{ paymentMethodId: 'pm_1', answer: 'pays', isDefault: true }]
      const { run, row, invoiceId, subject, billing } = await pastDue()
      const attempt = createAttemptPayment(stage.dependencies)
      const input = {
        ...subject,
        invoiceId,
        intent: 'schedule/1',
        trigger: 'schedule',
        cause: { by: 'quittance' },
      } as const
      const until = async <Result>(work: () => Promise<Result>): Promise<Result> => {
        for (;;)
          try {
            return await work()
          } catch (error) {
            if (!(error instanceof BillingError) || error.code !== 'attempt_under_way') throw error
          }
      }
      const both = [() => attempt(input), () => run({ kind: 'cancel', at: 'now' }, { commandId: 'the-same' })]
      await Promise.all((round % 2 === 0 ? both : both.toReversed()).map((work) => until<unknown>(work)))
      expect((await row()).status).toBe('canceled')
      // Paid and then ended, or ended with the invoice void: never both.
      const isPaid = billing.invoice(invoiceId).status === 'paid'
      expect(billing.state.charges).toHaveLength(isPaid ? 1 : 0)
    }
  })

  it('at the period’s end is told, can be taken back, and drops a change that could not come any more', async () => {
    const { run, row, shown } = await running()
    await run(downgradeLater)
    await run({ kind: 'cancel', at: 'period_end' })
    expect(shown()).toMatchObject({ cancelAtPeriodEnd: true })
    expect(shown().scheduleId).toBeUndefined()
    expect(await row()).toMatchObject({ cancelAtPeriodEnd: true, pendingChange: null })
    await run({ kind: 'resume' })
    expect(await row()).toMatchObject({ cancelAtPeriodEnd: false })
    expect((await told()).filter((type) => type === 'subscription.updated')).toHaveLength(2)
  })

  it('of an exhausted case is taken back when the customer paid in the last moment', async () => {
    const { run, row, show, invoiceId, subject } = await pastDue()
    await createRecordDunningStep(stage.dependencies)({ ...subject, invoiceId, step: { kind: 'exhaust' } })
    show(2, { priceId: priceOf('pro') })
    const { refusal, followed } = await run({ kind: 'cancel', at: 'now' }, { exhausted: invoiceId })
    expect(refusal?.code).toBe('nothing_to_collect')
    expect(followed.known).toMatchObject({ status: 'active' })
    expect(followed.exhausted).toBeUndefined()
    expect(await row()).toMatchObject({ status: 'active', closingAt: null })
  })

  it('of an exhausted case ends the subscription once, and the case stays exhausted', async () => {
    const { run, invoiceId, subject, billing } = await pastDue()
    await createRecordDunningStep(stage.dependencies)({ ...subject, invoiceId, step: { kind: 'exhaust' } })
    await sixteenTimes(() =>
      run({ kind: 'cancel', at: 'now' }, { exhausted: invoiceId, commandId: 'the-same' }),
    )
    expect(billing.invoice(invoiceId).status).toBe('void')
    const types = await told()
    for (const type of ['dunning.exhausted', 'subscription.canceled', 'entitlement.role_revoked'])
      expect([type, types.filter((one) => one === type).length]).toEqual([type, 1])
    expect(
      await inTenant((transaction) => listCases(transaction, projectId, [subject.subscriptionId])),
    ).toMatchObject([{ status: 'exhausted', endActionAt: expect.any(Date) as Date }])
  })
})

describe('an exhausted case that an operator leaves alone', () => {
  async function left() {
    const world = await pastDue()
    const { run, subject, invoiceId } = world
    await createRecordDunningStep(stage.dependencies)({ ...subject, invoiceId, step: { kind: 'exhaust' } })
    const { cancelNow } = stage.dependencies.provider
    stage.dependencies.provider.cancelNow = () => Promise.reject(new BillingError('provider_refused'))
    stage.dependencies.provider.voidInvoice = () => Promise.resolve('void')
    await expect(run({ kind: 'cancel', at: 'now' }, { exhausted: invoiceId })).rejects.toMatchObject({
      code: 'provider_refused',
    })
    expect((await world.row()).closingAt).not.toBeNull()
    stage.dependencies.provider.cancelNow = cancelNow
    await sixteenTimes(() => createLeaveExhausted(stage.dependencies)({ ...subject, invoiceId }))
    return world
  }

  it('is not ended later, gives no access, and closes nothing to charges', async () => {
    const { follow, row, invoiceId } = await left()
    const { exhausted, known } = await follow()
    expect([exhausted, known]).toMatchObject([undefined, { status: 'past_due', leftUnpaid: [invoiceId] }])
    expect(await row()).toMatchObject({ closingAt: null, graceEnded: true })
    const { told: types, audit } = await recorded(seeded, projectId)
    expect(types.slice(-2)).toEqual(['subscription.updated', 'entitlement.role_revoked'])
    expect(audit.at(-1)).toMatchObject({ action: 'dunning.left_past_due', stripeIds: [invoiceId] })
  })

  it('gives access back when its invoice is paid after all', async () => {
    const { look } = await left()
    expect((await look(2, { priceId: priceOf('pro') })).known).toMatchObject({ status: 'active' })
    expect(await told()).toContain('entitlement.role_granted')
  })

  it('does not keep the next unpaid renewal from being retried', async () => {
    const { failRenewal, subject, billing } = await left()
    const { invoiceId } = await failRenewal(3, { attempts: [] })
    const cause = { by: 'quittance' }
    const retry = { ...subject, invoiceId, intent: 'schedule/1', trigger: 'schedule', cause } as const
    expect((await createAttemptPayment(stage.dependencies)(retry)).outcome).toBe('succeeded')
    expect(billing.state.charges).toMatchObject([{ invoiceId }])
  })
})

describe('a pause', () => {
  it('ends access until it is resumed, and remembers until when', async () => {
    const { run, row } = await running()
    const until = soldAt + 20 * DAY
    expect((await run({ kind: 'pause', until })).followed.known).toMatchObject({
      status: 'paused',
      pausedUntil: until,
    })
    expect((await told()).slice(-3)).toEqual([
      'subscription.paused',
      'entitlement.role_revoked',
      'notice.subscription_paused',
    ])
    expect((await recorded(seeded, projectId)).audit.at(-2)).toMatchObject({
      action: 'command.pause',
      why: 'The subscription is paused until 2020-01-21T10:00:00.000Z. The customer asked.',
    })
    await run({ kind: 'resume' })
    expect(await row()).toMatchObject({ status: 'active', pausedUntil: null })
    expect((await told()).slice(-3)).toEqual([
      'subscription.resumed',
      'entitlement.role_granted',
      'notice.subscription_resumed',
    ])
  })

  it('lasts while what is due on resuming cannot be charged', async () => {
    const { run, row, state } = await running()
    await run({ kind: 'pause' })
    state.cards = [{ paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true }]
    expect((await run({ kind: 'resume' })).refusal?.code).toBe('card_declined')
    expect((await row()).status).toBe('paused')
  })

  it('that the bank wants to see the customer for goes on by their payment', async () => {
    const { run, row, state } = await running()
    await run({ kind: 'pause' })
    state.cards = [{ paymentMethodId: 'pm_1', answer: 'needs_customer', isDefault: true }]
    expect((await run({ kind: 'resume' })).refusal).toMatchObject({
      code: 'authentication_required',
      facts: { invoice_id: 'in_resume', pay_url: expect.stringContaining('http') as string },
    })
    expect((await row()).status).toBe('paused')
  })

  it.each([
    ['insufficient_funds', { reason: expect.stringContaining('another card') as string }],
    ['needs_customer', { amount: 9900, currency: 'brl', pay_url: expect.stringContaining('http') as string }],
  ])('that cannot end by itself for %s waits for somebody, and tells why', async (answer, notice) => {
    const { run, row, state } = await running()
    await run({ kind: 'pause', until: soldAt + DAY })
    state.cards = [{ paymentMethodId: 'pm_1', answer, isDefault: true }]
    await run(
      { kind: 'resume' },
      { cause: { by: 'quittance', why: 'The pause was to last until 2020-01-02.' } },
    )
    expect(await row()).toMatchObject({ status: 'paused', pausedUntil: null })
    expect((await recorded(seeded, projectId)).audit.at(-1)).toMatchObject({
      action: 'command.resume_refused',
    })
    const { events } = await recorded(seeded, projectId)
    expect(events.slice(-2)).toMatchObject([
      { type: 'com.quittance.subscription.updated', data: { status: 'paused' } },
      { type: 'com.quittance.notice.subscription_paused', data: notice },
    ])
    expect(events.at(-2)?.data).not.toHaveProperty('paused_until')
  })

  it.each(['pause', 'resume'] as const)('survives that the answer of %s is lost', async (call) => {
    const { run, row, fail } = await running()
    if (call === 'resume') await run({ kind: 'pause' })
    fail(call, 'lost_answer')
    await expect(run({ kind: call }, { commandId: 'the-same' })).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    expect((await run({ kind: call }, { commandId: 'the-same' })).refusal).toBeUndefined()
    expect((await row()).status).toBe(call === 'pause' ? 'paused' : 'active')
  })
})

describe('the pause that ends an exhausted case', () => {
  /** Its policy says to pause, and every retry has failed. */
  async function exhausted() {
    const policy = { ...defaultDunningPolicy, onExhausted: 'pause' as const }
    await inTenant((transaction) =>
      setPolicy(transaction, { projectId, planId: 'pro', policy, setBy: 'key_1' }),
    )
    const world = await pastDue()
    const { subject, invoiceId } = world
    await createRecordDunningStep(stage.dependencies)({ ...subject, invoiceId, step: { kind: 'exhaust' } })
    const pause = () => world.run({ kind: 'pause' }, { exhausted: invoiceId, commandId: 'the-same' })
    const cases = () => inTenant((transaction) => listCases(transaction, projectId, [subject.subscriptionId]))
    return { ...world, pause, cases }
  }

  it('makes the invoice void first, and gives no credit for what was never paid', async () => {
    const { pause, cases, row, billing, invoiceId } = await exhausted()
    await sixteenTimes(pause)
    expect(billing.invoice(invoiceId).status).toBe('void')
    expect(billing.state.pauses).toEqual([{ creditsUnused: false }])
    expect(await row()).toMatchObject({ status: 'paused' })
    expect(await cases()).toMatchObject([{ status: 'exhausted', endActionAt: expect.any(Date) as Date }])
    expect((await told()).filter((type) => type.startsWith('subscription.')).slice(2)).toEqual([
      'subscription.past_due',
      'subscription.paused',
    ])
    expect((await recorded(seeded, projectId)).transfers).toEqual([])
  })

  it('survives that its answer is lost', async () => {
    const { pause, row, fail, billing } = await exhausted()
    fail('pause', 'lost_answer')
    await expect(pause()).rejects.toMatchObject({ code: 'provider_unavailable' })
    expect((await pause()).refusal).toBeUndefined()
    expect(await row()).toMatchObject({ status: 'paused' })
    expect(billing.state.pauses).toHaveLength(1)
  })

  it('is taken back when the customer paid in the last moment', async () => {
    const { pause, cases, row, show, billing } = await exhausted()
    show(2, { priceId: priceOf('pro') })
    const { refusal, followed } = await pause()
    expect(refusal?.code).toBe('nothing_to_collect')
    expect(followed.exhausted).toBeUndefined()
    expect([await row(), billing.state.pauses]).toMatchObject([{ status: 'active' }, []])
    expect(await cases()).toMatchObject([{ status: 'recovered' }])
  })

  it('gives credit for a period that was paid, where an earlier one was not', async () => {
    const { pause, show, billing, invoiceId } = await exhausted()
    show(3, { priceId: priceOf('pro') })
    await pause()
    expect(billing.invoice(invoiceId).status).toBe('void')
    expect(billing.state.pauses).toEqual([{ creditsUnused: true }])
  })
})

describe('a retry that is asked for', () => {
  it('charges the oldest unpaid invoice, uses up no scheduled retry, and names who asked', async () => {
    const { run, billing, invoiceId, subject } = await pastDue()
    expect(
      (await run({ kind: 'retryPayment' }, { cause: { by: 'ana', why: 'On the phone.' } })).refusal,
    ).toBeUndefined()
    expect(billing.state.charges).toEqual([{ invoiceId, paymentMethodId: 'pm_1' }])
    expect(
      await inTenant((transaction) => listCases(transaction, projectId, [subject.subscriptionId])),
    ).toMatchObject([{ status: 'recovered', retriesDone: 0 }])
  })

  it.each([
    ['insufficient_funds', 'card_declined'],
    ['needs_customer', 'authentication_required'],
  ])('that ends in %s is refused as %s, with what may be done instead', async (answer, code) => {
    const { run, state, invoiceId } = await pastDue()
    state.cards = [{ paymentMethodId: 'pm_1', answer, isDefault: true }]
    expect((await run({ kind: 'retryPayment' })).refusal).toMatchObject({
      code,
      facts: { invoice_id: invoiceId },
    })
  })

  it('without a card that may be charged is refused', async () => {
    const { run, state } = await pastDue()
    state.cards = []
    expect((await run({ kind: 'retryPayment' })).refusal?.code).toBe('nothing_to_collect')
  })

  it('that finds it paid by hand a moment before has what it wanted', async () => {
    const { run, show, billing } = await pastDue()
    show(2, { priceId: priceOf('pro') })
    const { refusal, followed } = await run({ kind: 'retryPayment' })
    expect([refusal, followed.known?.status, billing.state.charges]).toEqual([undefined, 'active', []])
  })

  it('without anything unpaid is refused by the row', async () => {
    const { run } = await running()
    expect((await run({ kind: 'retryPayment' })).refusal?.code).toBe('nothing_to_collect')
  })
})
