import { afterEach, describe, expect, it } from 'vitest'
import { openClockSession, saveCard, seconds, type ClockSession } from './support/clock-session.ts'

describe('a trial', () => {
  let session: ClockSession
  afterEach(() => session.close())
  const open = async () => {
    session = await openClockSession('2027-01-15T10:00:00Z')
    return session
  }
  const ends = (missing_payment_method: 'cancel' | 'create_invoice' | 'pause') => ({
    trial_period_days: 14,
    trial_settings: { end_behavior: { missing_payment_method } },
  })

  it('announces its end three days before, and then charges', async () => {
    const { stripe, advanceTo, events, subscriber, latestInvoice, lastEvent } = await open()
    const { subscription } = await subscriber({ params: { trial_period_days: 14 } })
    expect((await events()).map((line) => line.slice(12))).toEqual([
      'customer.subscription.created',
      'invoice.created',
      'invoice.finalized',
      'invoice.updated',
      'invoice.paid',
      'invoice.payment_succeeded',
    ])
    await advanceTo('2027-01-29T11:00:00Z')
    expect(await events()).toEqual([
      '01-22 10:00 invoice.upcoming',
      '01-26 10:00 customer.subscription.trial_will_end',
      '01-29 10:00 customer.subscription.updated',
      '01-29 10:00 invoice.created',
      '01-29 11:00 invoice.finalized',
      '01-29 11:00 payment_intent.created',
      '01-29 11:00 charge.succeeded',
      '01-29 11:00 payment_intent.succeeded',
      '01-29 11:00 invoice.updated',
      '01-29 11:00 invoice.paid',
      '01-29 11:00 invoice.payment_succeeded',
      '01-29 11:00 invoice_payment.paid',
    ])
    expect((await lastEvent('customer.subscription.updated')).previous_attributes).toMatchObject({
      status: 'trialing',
    })
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({
      status: 'active',
      trial_end: seconds('2027-01-29T10:00:00Z'),
      billing_cycle_anchor: seconds('2027-01-29T10:00:00Z'),
      items: { data: [{ current_period_end: seconds('2027-02-28T10:00:00Z') }] },
    })
    expect(await latestInvoice(subscription)).toMatchObject({
      billing_reason: 'subscription_cycle',
      amount_paid: 9900,
    })
  })

  it('announces its end at once when that is nearer', async () => {
    const { subscriber, events, advanceTo } = await open()
    await subscriber({ params: { trial_period_days: 2 } })
    expect((await events()).at(-1)).toBe('01-15 10:00 customer.subscription.trial_will_end')
    await advanceTo('2027-01-20T10:00:00Z')
    expect((await events()).filter((line) => line.endsWith('trial_will_end'))).toEqual([])
  })

  it('without a card is canceled, where that was chosen', async () => {
    const { stripe, subscriber, events, advanceTo } = await open()
    const { subscription } = await subscriber({ card: null, params: ends('cancel') })
    await events()
    await advanceTo('2027-02-01T10:00:00Z')
    expect(await events()).toEqual([
      '01-22 10:00 invoice.upcoming',
      '01-26 10:00 customer.subscription.trial_will_end',
      '01-29 10:00 customer.subscription.deleted',
    ])
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'canceled' })
  })

  it('without a card is paused, where that was chosen', async () => {
    const { stripe, subscriber, events, advanceTo } = await open()
    const { subscription } = await subscriber({ card: null, params: ends('pause') })
    await events()
    await advanceTo('2027-03-14T10:00:00Z')
    expect((await events()).slice(2)).toEqual([
      '01-29 10:00 customer.subscription.updated',
      '01-29 10:00 customer.subscription.paused',
    ])
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'paused' })
  })

  it('without a card is billed otherwise, and past due', async () => {
    const { stripe, subscriber, advanceTo, latestInvoice } = await open()
    const { subscription } = await subscriber({ card: null, params: ends('create_invoice') })
    await advanceTo('2027-01-29T12:00:00Z')
    expect(await latestInvoice(subscription)).toMatchObject({ status: 'open', attempt_count: 1, total: 9900 })
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'past_due' })
  })

  it('goes on as usual when a card came in time', async () => {
    const { stripe, subscriber, advanceTo } = await open()
    const { subscription, customer } = await subscriber({ card: null, params: ends('cancel') })
    await advanceTo('2027-01-28T12:00:00Z')
    await saveCard(stripe, customer, 'pm_card_visa')
    await advanceTo('2027-01-29T12:00:00Z')
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'active' })
  })

  it('is past due when its first charge fails', async () => {
    const { stripe, subscriber, changeCard, events, advanceTo } = await open()
    const { subscription, customer } = await subscriber({ params: { trial_period_days: 14 } })
    await changeCard(customer, '4000000000000341')
    await advanceTo('2027-01-29T10:30:00Z')
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'active' })
    await events()
    await advanceTo('2027-01-29T12:00:00Z')
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'past_due' })
  })

  it('is prolonged, and ended early', async () => {
    const { stripe, subscriber, events, advanceTo } = await open()
    const { subscription } = await subscriber({ params: { trial_period_days: 14 } })
    await stripe.subscriptions.update(subscription, { trial_end: seconds('2027-02-10T10:00:00Z') })
    await events()
    await advanceTo('2027-02-08T10:00:00Z')
    expect(await events()).toEqual([
      '02-03 10:00 invoice.upcoming',
      '02-07 10:00 customer.subscription.trial_will_end',
    ])
    expect(await stripe.subscriptions.update(subscription, { trial_end: 'now' })).toMatchObject({
      status: 'active',
      billing_cycle_anchor: seconds('2027-02-08T10:00:00Z'),
    })
    await events()
    await advanceTo('2027-03-01T10:00:00Z')
    expect((await events()).filter((line) => line.includes('trial'))).toEqual([])
  })

  it('is given to a subscription that runs, and what was paid is given back', async () => {
    const { stripe, subscriber, events, advanceTo, latestInvoice } = await open()
    const { customer, subscription } = await subscriber()
    await advanceTo('2027-01-31T10:00:00Z')
    await events()
    const trial_end = seconds('2027-02-02T10:00:00Z')
    expect(await stripe.subscriptions.update(subscription, { trial_end })).toMatchObject({
      status: 'trialing',
      trial_start: seconds('2027-01-31T10:00:00Z'),
      billing_cycle_anchor: trial_end,
      items: { data: [{ current_period_end: trial_end }] },
    })
    expect((await events()).at(-1)).toBe('01-31 10:00 customer.subscription.trial_will_end')
    const { lines, total } = await latestInvoice(subscription)
    expect(lines.data.map(({ amount }) => amount)).toEqual([-4790, 0])
    expect(total).toBe(-4790)
    await advanceTo('2027-02-02T12:00:00Z')
    expect(await latestInvoice(subscription)).toMatchObject({ total: 9900, amount_paid: 9900 - 4790 })
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ balance: 0 })
  })

  it('may be canceled before it costs anything', async () => {
    const { stripe, subscriber, events, advanceTo, counts } = await open()
    const { subscription } = await subscriber({
      params: { trial_period_days: 14, cancel_at_period_end: true },
    })
    expect(await stripe.subscriptions.retrieve(subscription)).toMatchObject({
      status: 'trialing',
      cancel_at_period_end: true,
      cancel_at: seconds('2027-01-29T10:00:00Z'),
    })
    // The end moves with the period that it ends.
    const trial_end = seconds('2027-01-30T10:00:00Z')
    expect(await stripe.subscriptions.update(subscription, { trial_end })).toMatchObject({
      cancel_at_period_end: true,
      cancel_at: trial_end,
    })
    await events()
    await advanceTo('2027-02-28T10:00:00Z')
    expect((await events()).at(-1)).toBe('01-30 10:00 customer.subscription.deleted')
    expect(Object.values((await counts()).charges_per_payment_intent)).toEqual([])
  })
})
