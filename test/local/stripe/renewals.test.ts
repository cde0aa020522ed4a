import { afterEach, describe, expect, it } from 'vitest'
import { moment, openClockSession, seconds, type ClockSession } from './support/clock-session.ts'

describe('a subscription renews', () => {
  let session: ClockSession
  afterEach(() => session.close())
  const open = async (start: string, settings = {}) => {
    session = await openClockSession(start, settings)
    return session
  }
  const periodOf = async (subscription: string) => {
    const [item] = (await session.stripe.subscriptions.retrieve(subscription)).items.data
    return [item?.current_period_start ?? 0, item?.current_period_end ?? 0].map((at) =>
      moment(at).slice(0, 10),
    )
  }

  it('with a draft that is open to changes for an hour, and then charged', async () => {
    const { stripe, advanceTo, events, latestInvoice, subscriber } = await open('2027-01-15T10:00:00Z')
    const { subscription, customer } = await subscriber({ params: { metadata: { user: 'u1' } } })
    await events()
    await advanceTo('2027-02-15T10:00:00Z')
    expect(await events()).toEqual([
      '02-08 10:00 invoice.upcoming',
      '02-15 10:00 customer.subscription.updated',
      '02-15 10:00 invoice.created',
    ])
    const start = seconds('2027-02-15T10:00:00Z')
    const end = seconds('2027-03-15T10:00:00Z')
    const draft = await latestInvoice(subscription)
    expect(draft).toMatchObject({
      status: 'draft',
      billing_reason: 'subscription_cycle',
      auto_advance: true,
      automatically_finalizes_at: start + 3600,
      next_payment_attempt: start + 3600,
      attempt_count: 0,
      attempted: false,
      period_start: seconds('2027-01-15T10:00:00Z'),
      period_end: start,
      parent: { subscription_details: { subscription, metadata: { user: 'u1' } } },
      lines: {
        data: [{ amount: 9900, period: { start, end }, description: '1 × Pro (at R$99.00 / month)' }],
      },
    })
    await advanceTo('2027-02-15T11:00:00Z')
    expect(await events()).toEqual([
      '02-15 11:00 invoice.finalized',
      '02-15 11:00 payment_intent.created',
      '02-15 11:00 charge.succeeded',
      '02-15 11:00 payment_intent.succeeded',
      '02-15 11:00 invoice.updated',
      '02-15 11:00 invoice.paid',
      '02-15 11:00 invoice.payment_succeeded',
      '02-15 11:00 invoice_payment.paid',
    ])
    expect(await latestInvoice(subscription)).toMatchObject({
      id: draft.id,
      status: 'paid',
      amount_paid: 9900,
      attempt_count: 1,
      auto_advance: false,
      next_payment_attempt: null,
    })
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'active', customer })
  })

  it.each([
    ['2027-01-31T10:00:00Z', ['2027-02-28', '2027-03-31', '2027-04-30', '2027-05-31']],
    ['2028-01-30T10:00:00Z', ['2028-02-29', '2028-03-30', '2028-04-30', '2028-05-30']],
    ['2027-11-29T10:00:00Z', ['2027-12-29', '2028-01-29', '2028-02-29', '2028-03-29']],
  ])('on the day of its anchor, or the last of a shorter month: %s', async (start, ends) => {
    const { advanceTo, subscriber } = await open(start)
    const { subscription } = await subscriber()
    const found = [(await periodOf(subscription))[1]]
    for (const end of ends.slice(0, -1)) {
      await advanceTo(`${end}T10:00:00Z`)
      const [began, next] = await periodOf(subscription)
      expect(began).toBe(end)
      found.push(next)
    }
    expect(found).toEqual(ends)
  })

  it('on a leap day once in four years', async () => {
    const { advanceTo, subscriber } = await open('2028-02-29T10:00:00Z')
    const { subscription } = await subscriber({ interval: 'year' })
    const ends = ['2029-02-28', '2030-02-28', '2031-02-28', '2032-02-29']
    for (const end of ends) {
      expect((await periodOf(subscription))[1]).toBe(end)
      await advanceTo(`${end}T10:00:00Z`)
    }
  })

  it('the same way in one jump as in many', async () => {
    const { stripe, advanceTo, subscriber, events } = await open('2027-01-31T10:00:00Z')
    const { customer } = await subscriber()
    await events()
    await advanceTo('2027-03-31T10:00:00Z')
    const jumped = await events()
    expect(jumped.filter((line) => line.endsWith('invoice.paid'))).toEqual(['02-28 11:00 invoice.paid'])
    expect(jumped.at(-1)).toBe('03-31 10:00 invoice.created')
    expect(jumped).toEqual(jumped.toSorted((a, b) => (a.slice(0, 11) < b.slice(0, 11) ? -1 : 0)))
    expect((await stripe.invoices.list({ customer })).data).toHaveLength(3)
  })

  it('with what waited to be billed, and the credit of the customer', async () => {
    const { stripe, advanceTo, subscriber, latestInvoice } = await open('2027-01-15T10:00:00Z')
    const { customer, subscription } = await subscriber({ unitAmount: 5000 })
    await stripe.invoiceItems.create({ customer, amount: 700, currency: 'brl', description: 'Setup' })
    await stripe.customers.update(customer, { balance: -1200 })
    await advanceTo('2027-02-15T12:00:00Z')
    const invoice = await latestInvoice(subscription)
    expect(invoice).toMatchObject({
      status: 'paid',
      subtotal: 5700,
      total: 5700,
      starting_balance: -1200,
      ending_balance: 0,
      amount_paid: 4500,
    })
    expect(invoice.lines.data.map(({ description, amount }) => [description, amount])).toEqual([
      ['Setup', 700],
      ['1 × Pro (at R$50.00 / month)', 5000],
    ])
  })

  it('without a charge when nothing is due', async () => {
    const { stripe, advanceTo, subscriber, latestInvoice, events } = await open('2027-01-15T10:00:00Z')
    const { customer, subscription } = await subscriber({ unitAmount: 5000 })
    await stripe.customers.update(customer, { balance: -8000 })
    await events()
    await advanceTo('2027-02-15T12:00:00Z')
    expect(await latestInvoice(subscription)).toMatchObject({
      status: 'paid',
      amount_due: 0,
      attempt_count: 0,
    })
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ balance: -3000 })
    expect(await events()).toEqual([
      '02-08 10:00 invoice.upcoming',
      '02-15 10:00 customer.subscription.updated',
      '02-15 10:00 invoice.created',
      '02-15 11:00 invoice.finalized',
      '02-15 11:00 invoice.updated',
      '02-15 11:00 invoice.paid',
      '02-15 11:00 invoice.payment_succeeded',
    ])
  })

  it('as announced some days before, which the account chooses', async () => {
    const { advanceTo, subscriber, lastEvent, latestInvoice, now } = await open('2027-01-15T10:00:00Z', {
      upcoming_invoice_days: 3,
    })
    const { subscription } = await subscriber()
    await advanceTo('2027-02-12T10:00:00Z')
    const { object } = await lastEvent('invoice.upcoming')
    expect(object).toMatchObject({
      status: 'draft',
      billing_reason: 'upcoming',
      amount_due: 9900,
      created: seconds('2027-02-15T10:00:00Z'),
      parent: { subscription_details: { subscription } },
    })
    expect((object as { id: string }).id).toMatch(/^upcoming_in_/)
    expect(await now()).toBe('2027-02-12T10:00')
    expect(await latestInvoice(subscription)).toMatchObject({ billing_reason: 'subscription_create' })
  })

  it('not any more once it was canceled', async () => {
    const { stripe, advanceTo, subscriber, events } = await open('2027-01-15T10:00:00Z')
    const { subscription } = await subscriber()
    await stripe.subscriptions.update(subscription, { cancel_at_period_end: true })
    await events()
    await advanceTo('2027-03-15T10:00:00Z')
    expect(await events()).toEqual(['02-15 10:00 customer.subscription.deleted'])
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({
      status: 'canceled',
      ended_at: seconds('2027-02-15T10:00:00Z'),
    })
  })

  it('item by item where their prices have different intervals', async () => {
    const { stripe, advanceTo, subscriber, latestInvoice } = await open('2027-01-15T10:00:00Z')
    const { id: product } = await stripe.products.create({ name: 'Storage' })
    const yearly = await stripe.prices.create({
      product,
      currency: 'brl',
      unit_amount: 100,
      recurring: { interval: 'year' },
    })
    const { subscription } = await subscriber()
    await stripe.subscriptions.update(subscription, {
      items: [{ price: yearly.id }],
      proration_behavior: 'none',
    })
    await advanceTo('2027-02-15T12:00:00Z')
    const { lines } = await latestInvoice(subscription)
    expect(lines.data.map(({ description }) => description)).toEqual(['1 × Pro (at R$99.00 / month)'])
  })

  it('by an invoice that is sent, and behind when that is not paid in time', async () => {
    const { stripe, advanceTo, subscriber, latestInvoice, events } = await open('2027-01-15T10:00:00Z')
    const { subscription } = await subscriber({
      card: null,
      params: { collection_method: 'send_invoice', days_until_due: 10 },
    })
    await stripe.invoices.pay((await latestInvoice(subscription)).id, { paid_out_of_band: true })
    await events()
    await advanceTo('2027-02-16T10:00:00Z')
    expect(await latestInvoice(subscription)).toMatchObject({
      status: 'open',
      due_date: seconds('2027-02-25T10:00:00Z'),
      attempt_count: 0,
      next_payment_attempt: null,
    })
    await advanceTo('2027-02-25T10:00:00Z')
    expect((await events()).slice(-3)).toEqual([
      '02-15 11:00 invoice.sent',
      '02-25 10:00 invoice.overdue',
      '02-25 10:00 customer.subscription.updated',
    ])
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'past_due' })
  })

  it('in parts: a first period up to the chosen anchor costs its share', async () => {
    const { advanceTo, subscriber, latestInvoice } = await open('2027-01-16T00:00:00Z')
    const anchor = { billing_cycle_anchor: seconds('2027-02-01T00:00:00Z') }
    const { subscription } = await subscriber({ unitAmount: 3100, params: anchor })
    expect(await latestInvoice(subscription)).toMatchObject({ total: 1600 })
    const free = await subscriber({ params: { ...anchor, proration_behavior: 'none' } })
    expect(await latestInvoice(free.subscription)).toMatchObject({ total: 0, status: 'paid' })
    expect(await periodOf(subscription)).toEqual(['2027-01-16', '2027-02-01'])
    await advanceTo('2027-02-01T02:00:00Z')
    expect(await latestInvoice(subscription)).toMatchObject({ total: 3100, status: 'paid' })
    expect(await periodOf(subscription)).toEqual(['2027-02-01', '2027-03-01'])
  })
})

describe('a paused collection', () => {
  let session: ClockSession
  afterEach(() => session.close())

  it.each([
    ['keep_as_draft', { status: 'draft', auto_advance: false }, 0],
    ['mark_uncollectible', { status: 'uncollectible' }, 0],
    ['void', { status: 'void' }, 0],
  ] as const)('%s leaves each invoice uncollected until it resumes', async (behavior, expected, charges) => {
    session = await openClockSession('2027-01-15T10:00:00Z')
    const { stripe, advanceTo, subscriber, latestInvoice } = session
    const { customer, subscription } = await subscriber()
    const resumes_at = seconds('2027-03-01T00:00:00Z')
    const pause_collection = { behavior, resumes_at }
    expect(await stripe.subscriptions.update(subscription, { pause_collection })).toMatchObject({
      status: 'active',
      pause_collection,
    })
    await stripe.customers.update(customer, { balance: -500 })
    await advanceTo('2027-02-15T12:00:00Z')
    const held = await latestInvoice(subscription)
    expect(held).toMatchObject({ ...expected, billing_reason: 'subscription_cycle', total: 9900 })
    expect((await session.counts()).attempts_per_invoice[held.id] ?? 0).toBe(charges)
    await advanceTo('2027-03-15T12:00:00Z')
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({
      status: 'active',
      pause_collection: null,
    })
    // What a voided or kept invoice would have used up of the credit is there for the next.
    const spent = behavior === 'mark_uncollectible'
    expect(await latestInvoice(subscription)).toMatchObject({
      status: 'paid',
      amount_paid: spent ? 9900 : 9400,
    })
  })

  it('ends when it is taken back', async () => {
    session = await openClockSession('2027-01-15T10:00:00Z')
    const { stripe, advanceTo, subscriber, latestInvoice, lastEvent } = session
    const { subscription } = await subscriber()
    await stripe.subscriptions.update(subscription, { pause_collection: { behavior: 'void' } })
    await stripe.subscriptions.update(subscription, { pause_collection: '' })
    expect((await lastEvent('customer.subscription.updated')).previous_attributes).toEqual({
      pause_collection: { behavior: 'void', resumes_at: null },
    })
    await advanceTo('2027-02-15T12:00:00Z')
    expect(await latestInvoice(subscription)).toMatchObject({ status: 'paid' })
  })
})
