import { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import type { BillingError } from '../../domain/errors.ts'
import { createWebhookVerifier } from '../../providers/stripe/webhook-signature.ts'

const secret = 'whsec_current'
const body = JSON.stringify({
  id: 'evt_1',
  object: 'event',
  type: 'checkout.session.completed',
  created: 1_767_225_600,
  api_version: '2026-10-28.endive',
  livemode: false,
  data: { object: { id: 'cs_1', object: 'checkout.session' } },
})

function sign(payload: string, options: { secret?: string; ageSeconds?: number } = {}): string {
  const timestamp = Math.floor(Date.now() / 1000) - (options.ageSeconds ?? 0)
  return Stripe.webhooks.generateTestHeaderString({ payload, secret: options.secret ?? secret, timestamp })
}

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as BillingError).code
  }
  return 'none'
}

describe('createWebhookVerifier', () => {
  const verify = createWebhookVerifier({ secrets: [secret] })

  it('reads an event whose signature matches', () => {
    const event = verify(body, sign(body))
    expect(event).toMatchObject({
      eventId: 'evt_1',
      type: 'checkout.session.completed',
      apiVersion: '2026-10-28.endive',
      account: '',
      livemode: false,
      objectId: 'cs_1',
    })
    expect(event.createdAt.toISOString()).toBe('2026-01-01T00:00:00.000Z')
    expect(event.payload).toMatchObject(JSON.parse(body))
  })

  it('takes either of two secrets while one is being rotated', () => {
    const rotating = createWebhookVerifier({ secrets: ['whsec_old', 'whsec_new'] })
    expect(rotating(body, sign(body, { secret: 'whsec_old' })).eventId).toBe('evt_1')
    expect(rotating(body, sign(body, { secret: 'whsec_new' })).eventId).toBe('evt_1')
    expect(codeOf(() => rotating(body, sign(body, { secret: 'whsec_other' })))).toBe(
      'webhook_signature_invalid',
    )
  })

  it('refuses another body, another secret, no signature and nonsense for one', () => {
    for (const [payload, signature] of [
      [`${body} `, sign(body)],
      [body, sign(body, { secret: 'whsec_other' })],
      [body, ''],
      [body, 'nonsense'],
      [body, `t=${Math.floor(Date.now() / 1000)},v1=`],
      ['', sign(body)],
    ] as const)
      expect(codeOf(() => verify(payload, signature))).toBe('webhook_signature_invalid')
  })

  it('refuses a recorded request that is sent again later', () => {
    expect(verify(body, sign(body, { ageSeconds: 290 })).eventId).toBe('evt_1')
    expect(codeOf(() => verify(body, sign(body, { ageSeconds: 310 })))).toBe('webhook_signature_invalid')
  })

  it('says so when what was signed is no event', () => {
    for (const payload of ['{', '[]', '"x"', '{"object":"v2.core.event"}', body.replace('"data"', '"date"')])
      expect(codeOf(() => verify(payload, sign(payload)))).toBe('malformed_body')
  })

  it('keeps an event about an object without an id', () => {
    const upcoming = body.replace('"id":"cs_1",', '')
    expect(verify(upcoming, sign(upcoming)).objectId).toBe('')
  })

  it('cannot be built without a secret, nor with signatures of any age', () => {
    expect(() => createWebhookVerifier({ secrets: [] })).toThrow(RangeError)
    expect(() => createWebhookVerifier({ secrets: [secret], toleranceSeconds: 0 })).toThrow(RangeError)
    expect(() => createWebhookVerifier({ secrets: [secret], toleranceSeconds: Number.NaN })).toThrow(
      RangeError,
    )
  })
})
