import type { Stripe } from 'stripe'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { billingScenes } from './support/billing-scenes.ts'
import { arrayAt, at, textAt } from './support/json.ts'
import { openJudgedSession, type JudgedSession } from './support/judged-session.ts'
import { loadApiDescription } from './support/openapi.ts'
import { scenes } from './support/scenes.ts'
import { idOf, sdkFor, type LocalStripe } from './support/sdk-session.ts'

const dayInSeconds = 24 * 60 * 60
const hourInSeconds = 60 * 60
const start = Date.UTC(2026, 0, 31) / 1000

describe('a subscription follows its schedule', () => {
  let local: LocalStripe
  let stripe: Stripe
  const scene = billingScenes(
    () => stripe,
    () => local,
  )
  beforeAll(async () => {
    local = await startLocalStripe({})
    stripe = sdkFor(local.url)
  })
  afterAll(() => local.close())

  const scheduled = async (unitAmount = 49_900) => {
    const clock = await scene.clock(start)
    const subscription = await scene.subscribe(unitAmount, {
      customer: await scene.customer({ test_clock: clock }),
    })
    await scene.advance(clock, start + dayInSeconds)
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id })
    return { ...subscription, clock, schedule, end: subscription.item.current_period_end }
  }

  /** After the period that runs, another price; then the subscription goes on by itself. */
  const planNext = (
    { schedule, price, end }: Awaited<ReturnType<typeof scheduled>>,
    next: string,
    rest: Partial<Stripe.SubscriptionScheduleUpdateParams.Phase> = {},
  ) =>
    stripe.subscriptionSchedules.update(schedule.id, {
      end_behavior: 'release',
      phases: [
        { items: [{ price, quantity: 1 }], start_date: start, end_date: end },
        { items: [{ price: next, quantity: 1 }], proration_behavior: 'none', ...rest },
      ],
    })

  const eventsSince = async (event: string) =>
    (await scene.eventTypes(event)).filter((type) => !type.startsWith('test_helpers'))

  it('begins as one phase: the period that runs', async () => {
    const { id, price, schedule, end, customer } = await scheduled()
    expect(schedule).toMatchObject({
      status: 'active',
      subscription: id,
      end_behavior: 'release',
      current_phase: { start_date: start, end_date: end },
      phases: [{ start_date: start, end_date: end, items: [{ price, quantity: 1 }] }],
    })
    const shown = await stripe.subscriptions.retrieve(id, { expand: ['schedule'] })
    expect(shown.schedule).toMatchObject({ id: schedule.id, object: 'subscription_schedule' })
    const { data } = await stripe.subscriptionSchedules.list({ customer })
    expect(data.map((one) => one.id)).toEqual([schedule.id])
    await expect(stripe.subscriptionSchedules.create({ from_subscription: id })).rejects.toMatchObject({
      message: expect.stringContaining('already attached to a schedule'),
    })
  })

  it('is cheaper from the renewal on, as its preview said, and is then let go', async () => {
    const before = await scheduled()
    const cheaper = await scene.price(9900)
    const planned = await planNext(before, cheaper)
    expect(planned.phases.map(({ end_date }) => end_date)).toEqual([before.end, Date.UTC(2026, 2, 31) / 1000])
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({
      items: { data: [{ id: before.item.id, price: { id: before.price } }] },
    })
    const preview = await stripe.invoices.createPreview({ subscription: before.id })
    expect(preview).toMatchObject({ total: 9900 })
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({
      items: { data: [{ price: { id: before.price } }] },
    })

    await scene.advance(before.clock, before.end - 1)
    const since = await scene.lastEvent()
    await scene.advance(before.clock, before.end)
    expect(await eventsSince(since)).toEqual([
      'subscription_schedule.updated',
      'customer.subscription.updated',
      'invoice.created',
    ])
    const { data } = await stripe.events.list({ type: 'customer.subscription.updated', limit: 1 })
    expect(data[0]?.data.previous_attributes).toMatchObject({
      items: { data: [{ price: { id: before.price }, current_period_end: before.end }] },
    })
    await scene.advance(before.clock, before.end + 2 * hourInSeconds)
    const invoice = await scene.latestInvoice(before.id)
    expect(invoice).toMatchObject({ billing_reason: 'subscription_cycle', status: 'paid', total: 9900 })
    expect(invoice.lines.data).toMatchObject([{ amount: 9900, period: { start: before.end } }])

    const sinceRenewal = await scene.lastEvent()
    await scene.advance(before.clock, planned.phases[1]?.end_date ?? 0)
    expect((await eventsSince(sinceRenewal)).filter((type) => type !== 'invoice.upcoming')).toEqual([
      'subscription_schedule.released',
      'customer.subscription.updated',
      'invoice.created',
    ])
    expect(await stripe.subscriptionSchedules.retrieve(before.schedule.id)).toMatchObject({
      status: 'released',
      released_subscription: before.id,
      subscription: null,
      current_phase: null,
    })
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({
      status: 'active',
      schedule: null,
      items: { data: [{ id: before.item.id, price: { id: cheaper } }] },
    })
  })

  it('charges from the next phase on what the schedule says, whatever the subscription was told meanwhile', async () => {
    const before = await scheduled(9900)
    const cheaper = await scene.price(4900)
    await planNext(before, cheaper)
    const attach = (card: string) => stripe.paymentMethods.attach(card, { customer: before.customer })
    const [first, second] = [await attach('pm_card_mastercard'), await attach('pm_card_amex')]
    await stripe.subscriptionSchedules.update(before.schedule.id, {
      default_settings: { default_payment_method: first.id },
    })
    await stripe.subscriptions.update(before.id, { default_payment_method: second.id })
    await scene.advance(before.clock, before.end + 2 * hourInSeconds)
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({ default_payment_method: first.id })
  })

  it('begins a period of another length where the phase begins a cycle', async () => {
    const before = await scheduled(9900)
    const yearly = await scene.price(99_000, 'year')
    await planNext(before, yearly, { billing_cycle_anchor: 'phase_start' })
    await scene.advance(before.clock, before.end + 2 * hourInSeconds)
    const { lines, total } = await scene.latestInvoice(before.id)
    expect(total).toBe(99_000)
    const nextYear = Date.UTC(2027, 1, 28) / 1000
    expect(lines.data).toMatchObject([{ period: { start: before.end, end: nextYear } }])
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({
      billing_cycle_anchor: before.end,
      items: { data: [{ current_period_start: before.end, current_period_end: nextYear }] },
    })
  })

  it('keeps its anchor otherwise, as flexible billing does, and prorates the new period', async () => {
    const before = await scheduled(9900)
    const yearly = await scene.price(99_000, 'year')
    await planNext(before, yearly, { proration_behavior: 'always_invoice' })
    await scene.advance(before.clock, before.end + 2 * hourInSeconds)
    const endOfYear = Date.UTC(2027, 0, 31) / 1000
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({
      billing_cycle_anchor: start,
      items: { data: [{ current_period_start: start, current_period_end: endOfYear }] },
    })
    expect(await scene.latestInvoice(before.id)).toMatchObject({
      billing_reason: 'subscription_update',
      total: Math.round((99_000 * (endOfYear - before.end)) / (endOfYear - start)),
    })
  })

  it('gives a phase away as a trial, and bills the next one', async () => {
    const before = await scheduled(9900)
    const after = await scene.price(4900)
    const trialEnd = before.end + 14 * dayInSeconds
    await stripe.subscriptionSchedules.update(before.schedule.id, {
      phases: [
        { items: [{ price: before.price }], start_date: start, end_date: before.end },
        { items: [{ price: before.price }], end_date: trialEnd, trial: true },
        { items: [{ price: after }], proration_behavior: 'none' },
      ],
    })
    await scene.advance(before.clock, before.end + 2 * hourInSeconds)
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({
      status: 'trialing',
      trial_end: trialEnd,
      items: { data: [{ current_period_start: before.end, current_period_end: trialEnd }] },
    })
    expect(await scene.latestInvoice(before.id)).toMatchObject({ status: 'paid', total: 0 })
    await scene.advance(before.clock, trialEnd + 2 * hourInSeconds)
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({
      status: 'active',
      items: { data: [{ id: before.item.id, price: { id: after } }] },
    })
    expect(await scene.latestInvoice(before.id)).toMatchObject({ status: 'paid', total: 4900 })
  })

  it('changes in the middle of a period with prorations', async () => {
    const before = await scheduled(3000)
    const middle = (start + before.end) / 2
    const dearer = await scene.price(9000)
    await stripe.subscriptionSchedules.update(before.schedule.id, {
      phases: [
        { items: [{ price: before.price }], start_date: start, end_date: middle },
        {
          items: [{ price: dearer, quantity: 2 }],
          duration: { interval: 'month', interval_count: 3 },
          proration_behavior: 'always_invoice',
          metadata: { plan: 'dearer' },
        },
      ],
    })
    await scene.advance(before.clock, middle)
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({
      metadata: { plan: 'dearer' },
      items: { data: [{ id: before.item.id, price: { id: dearer }, quantity: 2 }] },
    })
    expect(await scene.latestInvoice(before.id)).toMatchObject({ status: 'paid', total: 7500 })
  })

  it('ends with its last phase where that is wanted, and not where the schedule is released before', async () => {
    const before = await scheduled()
    const ending = await stripe.subscriptionSchedules.update(before.schedule.id, { end_behavior: 'cancel' })
    expect(ending.end_behavior).toBe('cancel')
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({ cancel_at: before.end })
    await stripe.subscriptionSchedules.release(before.schedule.id)
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({ cancel_at: null, schedule: null })

    const { id } = await stripe.subscriptionSchedules.create({ from_subscription: before.id })
    await stripe.subscriptionSchedules.update(id, { end_behavior: 'cancel' })
    await scene.advance(before.clock, before.end)
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({ status: 'canceled' })
    expect(await stripe.subscriptionSchedules.retrieve(id)).toMatchObject({
      status: 'completed',
      completed_at: before.end,
    })
  })

  it('is not canceled past its schedule, which is canceled with it', async () => {
    const before = await scheduled()
    const refusal = { statusCode: 400, message: expect.stringContaining(before.schedule.id) }
    for (const attempt of [
      () => stripe.subscriptions.update(before.id, { cancel_at_period_end: true }),
      () => stripe.subscriptions.update(before.id, { cancel_at: before.end }),
      () => stripe.subscriptions.cancel(before.id),
    ])
      await expect(attempt()).rejects.toMatchObject(refusal)
    const parameters = { invoice_now: false, prorate: false }
    expect(await stripe.subscriptionSchedules.cancel(before.schedule.id, parameters)).toMatchObject({
      status: 'canceled',
    })
    expect(await stripe.subscriptions.retrieve(before.id)).toMatchObject({ status: 'canceled' })
    await expect(stripe.subscriptionSchedules.release(before.schedule.id)).rejects.toMatchObject({
      message: expect.stringContaining('currently in the `canceled` status'),
    })
  })

  it('takes direct changes of its items into the phase that runs', async () => {
    const before = await scheduled()
    const cheaper = await scene.price(9900)
    await planNext(before, cheaper)
    await stripe.subscriptions.update(before.id, { items: [{ id: before.item.id, quantity: 3 }] })
    const { phases } = await stripe.subscriptionSchedules.retrieve(before.schedule.id)
    expect(phases.map(({ items }) => items.map(({ price, quantity }) => [idOf(price), quantity]))).toEqual([
      [[before.price, 3]],
      [[cheaper, 1]],
    ])
  })

  it('refuses phases that do not fit each other', async () => {
    const { schedule, price, end } = await scheduled()
    const update = (phases: Stripe.SubscriptionScheduleUpdateParams.Phase[]) =>
      stripe.subscriptionSchedules.update(schedule.id, { phases })
    const items = [{ price }]
    await expect(update([{ items, start_date: start + 1, end_date: end }])).rejects.toMatchObject({
      message: 'You can not modify the start date of the current phase.',
    })
    await expect(
      update([
        { items, start_date: start, end_date: end },
        { items, start_date: end + 1 },
      ]),
    ).rejects.toMatchObject({ param: 'phases[1][start_date]' })
    await expect(update([{ items, start_date: start, end_date: start + 1 }])).rejects.toMatchObject({
      param: 'phases[0][end_date]',
    })
    await expect(
      stripe.subscriptionSchedules.create({ from_subscription: 'sub_none', phases: [{ items }] }),
    ).rejects.toMatchObject({ param: 'phases' })
  })
})

const description = await loadApiDescription()
const why = 'unavailable' in description ? ` (skipped: ${description.unavailable})` : ''

describe.skipIf(why !== '')(`schedules fit Stripe's published description${why}`, () => {
  let stripe: JudgedSession
  const scene = scenes(() => stripe)
  beforeAll(async () => {
    if ('unavailable' in description) throw new Error(description.unavailable)
    stripe = await openJudgedSession(description)
  })
  afterAll(() => stripe.close())

  it('made, changed, released and canceled', async () => {
    const { customer } = await scene.customerWithCard()
    const price = await scene.monthlyPrice()
    const subscription = textAt(await scene.subscription(customer, price), 'id')
    const made = await stripe.post('/v1/subscription_schedules', { from_subscription: subscription })
    const path = `/v1/subscription_schedules/${textAt(made, 'id')}`
    const changed = await stripe.post(path, {
      end_behavior: 'cancel',
      metadata: { a: 'b' },
      phases: [
        { items: [{ price }], end_date: Number(at(made, 'current_phase.end_date')) },
        { items: [{ price, quantity: 2 }], metadata: { c: 'd' } },
      ],
    })
    expect(arrayAt(changed, 'phases')).toHaveLength(2)
    await stripe.get(path, { expand: ['subscription', 'customer'] })
    await stripe.get('/v1/subscription_schedules', { customer })
    await stripe.refused(400, 'POST', `/v1/subscriptions/${subscription}`, { cancel_at_period_end: true })
    await stripe.post(`${path}/release`)
    const again = await stripe.post('/v1/subscription_schedules', { from_subscription: subscription })
    await stripe.post(`/v1/subscription_schedules/${textAt(again, 'id')}/cancel`)
    await stripe.eventAbout('subscription_schedule.canceled', textAt(again, 'id'))
    expect(await stripe.newProblems()).toEqual([])
  })
})
