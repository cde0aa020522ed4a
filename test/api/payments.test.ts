import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BillingError, type ErrorCode } from '../../domain/errors.ts'
import { createTestApi, operatorKey, type TestApi, uniqueKey } from './support/api.ts'

let api: TestApi
let key: string
let projectId: string
let refusal: BillingError | undefined

beforeAll(async () => {
  api = await createTestApi({
    async openCheckout({ paymentId }) {
      if (refusal) throw refusal
      return { checkoutSessionId: `cs_test_${paymentId}`, checkoutUrl: `https://pay.test/${paymentId}` }
    },
  })
  ;({ key, projectId } = await api.registerProject())
})
afterAll(() => api.close())

const pay = (body: Record<string, unknown>, headers: Record<string, string> = {}) =>
  api.call('POST', '/api/v1/payments', { key, body: { user_id: 'user-1', ...body }, headers })

describe('POST /payments', () => {
  it.each([
    [{ plan_id: 'pro' }, 'subscription', 9900, 'brl'],
    [{ product_id: 'book', quantity: 3 }, 'one_time', 7500, 'brl'],
    [{ product_id: 'credits' }, 'credits', 1000, 'usd'],
    [{ amount: 500, currency: 'jpy', description: 'Tea' }, 'one_time', 500, 'jpy'],
    [{ plan_id: 'pro', payment_type: 'subscription' }, 'subscription', 9900, 'brl'],
  ])('detects what %j is and opens its page', async (bought, type, amount, currency) => {
    const opened = await pay({ ...bought, metadata: { order: '7' } })
    expect(opened.status).toBe(201)
    expect(opened.body).toEqual({
      payment_id: expect.stringMatching(/^pay_[0-9a-z]{26}$/),
      payment_type: type,
      status: 'pending',
      checkout_session_id: `cs_test_${String(opened.body.payment_id)}`,
      checkout_url: `https://pay.test/${String(opened.body.payment_id)}`,
    })

    const status = await api.call('GET', `/api/v1/payments/${String(opened.body.payment_id)}/status`, { key })
    expect(status.status).toBe(200)
    expect(status.body).toMatchObject({
      payment_type: type,
      status: 'pending',
      amount,
      currency,
      amount_refunded: 0,
      project_id: projectId,
      metadata: { order: '7' },
      ...(type === 'subscription' && { subscription_id: expect.stringMatching(/^sbs_/) }),
    })
  })
})
