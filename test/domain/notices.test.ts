import { describe, expect, it } from 'vitest'
import { explainDecline } from '../../domain/decline-codes.ts'
import { parseId } from '../../domain/ids.ts'
import { composeNotice, type SubscriptionNotice, subscriptionNoticeKinds } from '../../domain/notices.ts'

const notice = (rest: Partial<SubscriptionNotice> = {}): SubscriptionNotice => ({
  kind: 'payment_failed',
  user_id: 'ada',
  subscription_id: parseId('sbs', 'sbs_00000000000000000000000001'),
  plan_id: 'pro',
  plan_name: 'Pro',
  amount: 9900,
  currency: 'brl',
  invoice_id: 'in_1',
  retry_at: '2026-03-14T09:30:00Z',
  grace_until: '2026-03-18T09:30:00Z',
  trial_end: '2026-04-01T00:00:00Z',
  access_until: '2026-04-30T23:59:00Z',
  pay_url: 'https://invoice.stripe.com/i/1?a=1&b=2',
  ...rest,
})
const mail = (rest: Partial<SubscriptionNotice> = {}) => composeNotice(notice(rest), 'Acme')

/** What a reader sees of the HTML. */
const read = (html: string): string =>
  html
    .replaceAll(/<head>.*<\/head>/g, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll('&amp;', '&')
    .replaceAll('&#39;', "'")
    .replaceAll(/\s+/g, ' ')

describe('the mail of a notice', () => {
  it('says before a retry how much is tried when, how long access lasts, and where to pay', () => {
    const { subject, text } = mail({ kind: 'retry_upcoming' })
    expect(subject).toBe('We will try your payment again on 14 March 2026')
    expect(text).toBe(
      [
        'We could not collect BRL 99.00 for Pro. We will charge your card again on 14 March 2026.',
        'Please see to it that there is enough money on it by then, or pay now with another card.',
        'You keep access until 18 March 2026, 09:30 UTC.',
        'Pay now: https://invoice.stripe.com/i/1?a=1&b=2',
        'Acme\n',
      ].join('\n\n'),
    )
  })

  it('says why a payment failed in words for the customer, and what comes next', () => {
    expect(mail({ reason: explainDecline('insufficient_funds') }).text).toContain(
      'BRL 99.00 for Pro.\n\nThere was not enough money available on your card.\n\n',
    )
    expect(mail().text).toContain('We will try again on 14 March 2026')
    const { retry_at: _at, ...withoutRetry } = notice()
    const last = composeNotice(withoutRetry, 'Acme')
    expect(last.text).toContain('We will not charge this card again')
    expect(last.text).not.toContain('try again')
  })

  it('asks for the confirmation that the bank wants, with a link for it', () => {
    const { subject, text } = mail({ kind: 'authentication_required' })
    expect(subject).toBe('Please confirm your payment for Pro')
    expect(text).toContain('Confirm the payment: https://invoice.stripe.com/i/1')
  })

  it('asks for a card where there is none, and not for a confirmation', () => {
    const { subject, text } = mail({ kind: 'no_payment_method' })
    expect(subject).toBe('Please add a card for Pro')
    expect(text).toContain('there is no card that we may charge')
    expect(text).not.toMatch(/bank|confirm/)
  })

  it('tells what is charged after a trial, also when it is nothing', () => {
    expect(mail({ kind: 'trial_will_end' }).text).toContain('ends on 1 April 2026.')
    expect(mail({ kind: 'trial_will_end' }).text).toContain('BRL 99.00 will be charged')
    expect(mail({ kind: 'trial_will_end', amount: 0 }).text).toContain('Nothing will be charged then')
    const canceled = mail({ kind: 'trial_will_end', is_canceled: true }).text
    expect(canceled).toContain(
      'Your subscription ends with it, as was asked for, and nothing will be charged.',
    )
    expect(canceled).not.toContain('goes on')
  })

  it('tells an end from an end to come, and why', () => {
    const later = mail({ kind: 'subscription_canceled', reason: 'You asked for it.' })
    expect(later.text).toContain('Your subscription to Pro is canceled.\n\nYou asked for it.\n\n')
    expect(later.text).toContain('You keep access until 30 April 2026, 23:59 UTC.')
    const { access_until: _until, ...ended } = notice({ kind: 'subscription_canceled' })
    expect(composeNotice(ended, 'Acme').text).toContain('has ended.\n\nYou no longer have access')
  })

  it('tells of a pause that access is gone, and when it comes back', () => {
    const { access_until: _until, ...paused } = notice({ kind: 'subscription_paused' })
    expect(composeNotice(paused, 'Acme').text).toContain('You have no access while it is paused.')
    expect(composeNotice({ ...paused, resumes_at: '2026-05-01T08:00:00Z' }, 'Acme').text).toContain(
      'You have no access until it goes on by itself on 1 May 2026, 08:00 UTC.',
    )
  })

  it('tells in the subject whether it has ended or will', () => {
    expect(mail({ kind: 'subscription_canceled' }).subject).toBe('Your subscription to Pro is canceled')
    const { access_until: _until, ...ended } = notice({ kind: 'subscription_canceled' })
    expect(composeNotice(ended, 'Acme').subject).toBe('Your subscription to Pro has ended')
  })

  it('names no amount that it does not know, and begins a subject with a capital all the same', () => {
    for (const missing of ['amount', 'currency'] as const) {
      const { [missing]: _missing, ...rest } = notice()
      expect(composeNotice(rest, 'Acme').subject).toBe('The amount due for Pro could not be collected')
    }
  })

  it('names no day that it does not know', () => {
    const { retry_at: _at, grace_until: _until, ...rest } = notice({ kind: 'retry_upcoming' })
    const { subject, text } = composeNotice(rest, 'Acme')
    expect(subject).toBe('We will try your payment again')
    expect(text).not.toContain('You keep access')
  })

  it('has a link only where there is something to pay and an address to pay at', () => {
    expect(mail({ kind: 'payment_recovered' }).html).not.toContain('<a ')
    const { pay_url: _url, ...rest } = notice()
    expect(composeNotice(rest, 'Acme').html).not.toContain('<a ')
    expect(mail({ pay_url: 'http://localhost:12111/i/1' }).text).toContain(
      'Pay now: http://localhost:12111/i/1',
    )
    expect(mail({ pay_url: 'see https://a.example' }).html).not.toContain('<a ')
  })

  it.each([
    ['2026-01-01T00:00:00Z', '1 January 2026, 00:00 UTC'],
    ['2026-12-31T23:59:59Z', '31 December 2026, 23:59 UTC'],
  ])('writes %s as %s', (grace_until, shown) => {
    expect(mail({ grace_until }).text).toContain(`You keep access until ${shown}.`)
  })

  it.each([
    ['jpy', 9900, 'JPY 9900'],
    ['kwd', 9900, 'KWD 9.900'],
    ['usd', 5, 'USD 0.05'],
  ])('writes %s with its own decimals', (currency, amount, shown) => {
    expect(mail({ kind: 'payment_recovered', currency, amount }).text).toContain(`received ${shown} for Pro`)
  })

  it('says that credits could not be topped up, why, and that nothing is charged again', () => {
    const { subject, text } = composeNotice(
      {
        kind: 'top_up_failed',
        user_id: 'ada',
        payment_id: parseId('pay', 'pay_00000000000000000000000001'),
        product_id: 'pack',
        product_name: 'A thousand calls',
        amount: 2500,
        currency: 'brl',
        reason: explainDecline('insufficient_funds'),
      },
      'Acme',
    )
    expect(subject).toBe('Your credits could not be topped up')
    expect(text).toContain('we could not collect BRL 25.00 for A thousand calls.')
    expect(text).toContain('There was not enough money available on your card.')
    expect(text).toContain('We will not charge this card again by ourselves.')
  })

  it.each(subscriptionNoticeKinds)('%s reads the same as text and as HTML, whatever is known', (kind) => {
    for (const data of [
      notice({ kind }),
      { kind, user_id: 'ada', subscription_id: notice().subscription_id, plan_id: 'pro', plan_name: 'Pro' },
    ] satisfies SubscriptionNotice[]) {
      const { subject, text, html } = composeNotice(data, 'Acme')
      const paragraphs = text.trimEnd().split('\n\n')
      const shown = [subject, ...paragraphs.map((paragraph) => paragraph.replace(/: https.*/, ''))]
      expect(read(html).trim()).toBe(shown.join(' '))
      expect(`${subject} ${text} ${html}`).not.toMatch(/undefined|NaN|null|Invalid/)
      expect(paragraphs.length).toBeGreaterThanOrEqual(2)
    }
  })

  it('lets no name become markup, a header or a link of its own', () => {
    const { subject, html } = composeNotice(
      notice({ plan_name: 'Pro\r\nBcc: eve@example.com <img src=x onerror="alert(1)">' }),
      '</p><script>',
    )
    expect(subject).not.toMatch(/[\r\n]/)
    expect(mail({ plan_name: 'Pro ', kind: 'no_payment_method' }).subject).toBe('Please add a card for Pro')
    expect(mail({ plan_name: ' Pro \n\n Plus ', kind: 'subscription_resumed' }).subject).toBe(
      'Your subscription to Pro Plus goes on',
    )
    expect(html).not.toMatch(/<img|<script/)
    expect(html).toContain('href="https://invoice.stripe.com/i/1?a=1&amp;b=2"')
    expect(html).toContain('&lt;/p&gt;&lt;script&gt;')
    expect(mail({ plan_name: `"A" & 'B'` }).html).toContain('&quot;A&quot; &amp; &#39;B&#39;')
    for (const pay_url of ['javascript:alert(1)', 'https://a.example/ onclick=x', '//a.example'])
      expect(mail({ pay_url }).html).not.toContain('<a ')
  })
})
