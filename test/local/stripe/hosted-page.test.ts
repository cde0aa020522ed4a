import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Stripe } from 'stripe'
import { startLocalStripe } from '../../../local/stripe/server.ts'
import { idOf, sdkFor, type LocalStripe } from './support/sdk-session.ts'

describe('the hosted page works without a script', () => {
  let local: LocalStripe
  let stripe: Stripe
  beforeAll(async () => {
    local = await startLocalStripe({})
    stripe = sdkFor(local.url)
  })
  afterAll(() => local.close())

  const open = async (name = 'Credits', customerEmail?: string) => {
    const session = await stripe.checkout.sessions.create({
      mode: 'payment',
      success_url: 'https://example.com/done?session={CHECKOUT_SESSION_ID}',
      cancel_url: 'https://example.com/shop',
      ...(customerEmail !== undefined && { customer_email: customerEmail }),
      line_items: [
        { quantity: 1, price_data: { currency: 'brl', unit_amount: 9900, product_data: { name } } },
      ],
    })
    return { id: session.id, url: String(session.url) }
  }
  const card = { card_number: '4242 4242 4242 4242', expiry: '12 / 34', cvc: '123', name: 'Ana' }
  const send = async (url: string, fields: Record<string, string>) => {
    const response = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams(fields),
      redirect: 'manual',
    })
    return {
      status: response.status,
      location: response.headers.get('location'),
      text: await response.text(),
    }
  }
  const read = async (url: string) => (await fetch(url)).text()
  const alertOf = (text: string) => /role="alert"[^>]*>([^<]*)</.exec(text)?.[1]

  it('shows what is bought, for how much, and the way back', async () => {
    const text = await read((await open()).url)
    expect(text).toContain('Credits')
    expect(text).toMatch(/<button type="submit">\s*Pay R\$99\.00\s*<\/button>/)
    expect(text).toContain('href="https://example.com/shop"')
    for (const label of ['Email', 'Card number', 'Expiry', 'CVC', 'Name on card'])
      expect(text).toMatch(new RegExp(`<label for="\\w+">${label}</label>`))
  })

  it('escapes the names of products', async () => {
    const text = await read((await open('<script>alert(1)</script>')).url)
    expect(text).not.toContain('<script>alert(1)')
    expect(text).toContain('&lt;script&gt;alert(1)')
  })

  it('sends the payer on, with the id of the session', async () => {
    const { id, url } = await open('Credits', 'ana@example.com')
    expect(await read(url)).not.toContain('<label for="email">')
    expect(await send(url, card)).toMatchObject({
      status: 303,
      location: `https://example.com/done?session=${id}`,
    })
    expect(await read(url)).toContain('already completed')
    expect(await send(url, card)).toMatchObject({ status: 200 })
    const { payment_intent, customer_details } = await stripe.checkout.sessions.retrieve(id)
    expect(customer_details).toMatchObject({ email: 'ana@example.com', name: 'Ana' })
    expect((await stripe.charges.list({ payment_intent: idOf(payment_intent) })).data).toHaveLength(1)
  })

  it.each([
    [{ email: '' }, 'Your email is incomplete.'],
    [{ card_number: '4242' }, 'Your card number is incomplete.'],
    [{ card_number: '4242424242424241' }, 'Your card number is invalid.'],
    [{ expiry: '13 / 34' }, 'Your card’s expiration date is incomplete.'],
    [{ expiry: '01 / 20' }, 'Your card’s expiration date is in the past.'],
    [{ cvc: '1' }, 'Your card’s security code is incomplete.'],
    [{ card_number: '4000000000000002' }, 'Your card was declined. Please try a different card.'],
    [{ card_number: '4000000000009995' }, 'Your card has insufficient funds. Try a different card.'],
    [{ card_number: '4000000000000069' }, 'Your card has expired.'],
  ])('says what is wrong with %j and keeps what was typed', async (fields, message) => {
    const { url } = await open()
    const { text } = await send(url, { email: 'ana@example.com', ...card, ...fields })
    expect(alertOf(text)).toBe(message)
    expect(text).toContain('value="Ana"')
    expect(text).toMatch(/name="card_number"\s+value=""/)
  })

  it('asks the bank, and takes the payment up where it was left', async () => {
    const { id, url } = await open('Credits', 'ana@example.com')
    const secure = { ...card, card_number: '4000002760003184' }
    const asked = await send(url, secure)
    expect(asked).toMatchObject({ status: 303, location: expect.stringMatching(/^\/authenticate\/pi_/) })
    const bank = `${local.url}${asked.location ?? ''}`
    expect(await read(bank)).toContain('payment of <b>R$99.00</b>')
    expect(alertOf((await send(bank, { outcome: 'fail' })).text)).toContain('unable to authenticate')
    await send(url, secure)
    expect(await send(bank, { outcome: 'complete' })).toMatchObject({
      status: 303,
      location: `https://example.com/done?session=${id}`,
    })
  })

  it('says that a session has expired', async () => {
    const { id, url } = await open()
    await stripe.checkout.sessions.expire(id)
    expect(await read(url)).toContain('This page has expired')
  })

  it('lets an open invoice be paid', async () => {
    const customer = await stripe.customers.create({})
    const { id } = await stripe.invoices.create({ customer: customer.id, currency: 'brl' })
    await stripe.invoiceItems.create({
      customer: customer.id,
      invoice: id,
      amount: 700,
      currency: 'brl',
    })
    const { hosted_invoice_url: url } = await stripe.invoices.finalizeInvoice(id)
    expect(alertOf((await send(String(url), { ...card, card_number: '4000000000000002' })).text)).toContain(
      'declined',
    )
    expect(await send(String(url), card)).toMatchObject({ status: 303 })
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ status: 'paid', amount_paid: 700 })
  })

  it('returns from the bank to whoever confirmed a payment elsewhere', async () => {
    const intent = await stripe.paymentIntents.create({
      amount: 2900,
      currency: 'usd',
      payment_method: 'pm_card_authenticationRequired',
      confirm: true,
      return_url: 'https://example.com/back',
    })
    const bank = String(intent.next_action?.redirect_to_url?.url)
    const { location } = await send(bank, { outcome: 'complete' })
    const back = new URL(String(location))
    expect(Object.fromEntries(back.searchParams)).toMatchObject({
      payment_intent: intent.id,
      redirect_status: 'succeeded',
    })
    expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe('succeeded')
  })
})
