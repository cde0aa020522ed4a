import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { savePaymentAttempts } from '../../db/payments.ts'
import { BillingError, type ErrorCode } from '../../domain/errors.ts'
import { isId, parseId } from '../../domain/ids.ts'
import { currency, money } from '../../domain/money.ts'
import type { CheckoutStart } from '../../inbox/starts.ts'
import { createTestApi, operatorKey, type TestApi } from './support/api.ts'

let api: TestApi
let key: string
let projectId: string
let refusal: Error | undefined
const started: CheckoutStart[] = []

beforeAll(async () => {
  api = await createTestApi({
    async openCheckout(payment) {
      started.push(payment)
      if (refusal) throw refusal
      const { paymentId } = payment
      return { checkoutSessionId: `cs_test_${paymentId}`, checkoutUrl: `https://pay.test/${paymentId}` }
    },
  })
  ;({ key, projectId } = await api.registerProject())
})
beforeEach(() => {
  refusal = undefined
  started.length = 0
})
afterAll(() => api.close())

const pay = (body: Record<string, unknown>, headers: Record<string, string> = {}) =>
  api.call('POST', '/api/v1/payments', { key, body: { user_id: 'user-1', ...body }, headers })
const get = (path: string) => api.call('GET', `/api/v1/${path}`, { key })

describe('POST /payments', () => {
  it.each([
    [{ plan_id: 'pro' }, 'subscription', 9900, 'brl'],
    [{ product_id: 'book', quantity: 3 }, 'one_time', 7500, 'brl'],
    [{ product_id: 'credits' }, 'credits', 1000, 'usd'],
    [{ product_id: 'credits', payment_type: 'one_time' }, 'credits', 1000, 'usd'],
    [{ amount: 500, currency: 'jpy', description: 'Tea' }, 'one_time', 500, 'jpy'],
    [{ plan_id: 'pro', payment_type: 'subscription' }, 'subscription', 9900, 'brl'],
  ])('detects what %j is and opens its page', async (bought, type, amount, currencyCode) => {
    const opened = await pay({ ...bought, metadata: { order: '7' } })
    const paymentId = String(opened.body.payment_id)
    expect(opened.status).toBe(201)
    expect(opened.body).toEqual({
      payment_id: paymentId,
      payment_type: type,
      status: 'pending',
      checkout_session_id: `cs_test_${paymentId}`,
      checkout_url: `https://pay.test/${paymentId}`,
    })
    expect(isId('pay', paymentId)).toBe(true)

    const { body } = await get(`payments/${paymentId}/status`)
    expect(body).toMatchObject({
      payment_type: type,
      status: 'pending',
      amount,
      currency: currencyCode,
      amount_refunded: 0,
      project_id: projectId,
      metadata: { order: '7' },
    })
    expect(isId('sbs', String(body.subscription_id))).toBe(type === 'subscription')
    expect(Date.parse(String(body.created_at))).toBeLessThanOrEqual(Date.now() + 1000)
  })

  it('starts the checkout with the correlation id of the caller', async () => {
    const opened = await pay({ plan_id: 'pro' }, { 'X-Correlation-ID': 'order:7' })
    expect(opened.headers.get('X-Correlation-ID')).toBe('order:7')
    expect(started).toEqual([
      expect.objectContaining({
        paymentId: opened.body.payment_id,
        projectId,
        planId: 'pro',
        correlationId: 'order:7',
      }),
    ])
  })

  it("uses the project's return URLs unless the payment brings its own", async () => {
    const { body } = await pay({ plan_id: 'pro', success_url: 'http://localhost:8080/done' })
    const paymentId = parseId('pay', String(body.payment_id))
    const [row] = await inProject(api.connections.application, parseId('prj', projectId), (transaction) =>
      transaction.query.payments.findMany({ where: (payments, { eq }) => eq(payments.paymentId, paymentId) }),
    )
    expect(row).toMatchObject({
      successUrl: 'http://localhost:8080/done',
      cancelUrl: 'https://shop.test/basket',
    })
  })

  it('is the same under the address of the application', async () => {
    const path = `/api/v1/apps/${projectId}/billing/checkout`
    const own = await api.call('POST', path, { key, body: { user_id: 'user-1', plan_id: 'pro' } })
    expect(own).toMatchObject({ status: 201, body: { payment_type: 'subscription' } })
    const byOperator = await api.call('POST', path, {
      key: operatorKey,
      body: { user_id: 'user-1', product_id: 'book' },
    })
    expect(byOperator).toMatchObject({ status: 201, body: { payment_type: 'one_time' } })
  })

  it.each([
    ['card_declined', 402],
    ['provider_refused', 422],
    ['provider_object_missing', 502],
    ['provider_credentials_invalid', 502],
    ['provider_failed', 502],
    ['provider_unavailable', 503],
    ['provider_rate_limited', 503],
    ['orchestrator_unavailable', 503],
    ['outcome_pending', 503],
    ['effect_key_conflict', 503],
  ] satisfies [ErrorCode, number][])(
    'tells of %s with %i and the id of the payment',
    async (code, status) => {
      refusal = new BillingError(code, { facts: { payment_id: 'pay_x' }, retryAfterSeconds: 3 })
      const body = { user_id: 'user-1', plan_id: 'pro' }
      const problem = await api.problem('POST', '/api/v1/payments', { key, body })
      expect(`${problem.status} ${problem.code}`).toBe(`${status} ${code}`)
      expect(problem).toMatchObject({ payment_id: 'pay_x', status, type: `/docs/errors#${code}` })
      const { headers } = await pay({ plan_id: 'pro' })
      expect(headers.get('Retry-After')).toBe(
        refusal instanceof BillingError && refusal.retryable ? '3' : null,
      )
    },
  )

  it('hides what is a defect, and finds it in the log by the request id', async () => {
    refusal = new Error('relation "secrets" does not exist at 10.0.0.7')
    const body = { user_id: 'user-1', plan_id: 'pro', email: 'ana@example.com' }
    const problem = await api.problem('POST', '/api/v1/payments', { key, body })
    expect(`${problem.status} ${problem.code}`).toBe('500 internal')
    expect(JSON.stringify(problem)).not.toMatch(/secrets|10\.0/)
    const lines = api.log.filter((line) => line.includes(problem.request_id))
    expect(lines.join('')).toContain('request failed')
    expect(api.log.join('')).not.toMatch(/ana@example\.com|qk_test_|qk_operator_/)
  })

  it('counts what came of each request', async () => {
    const counted = async () => {
      const { values } = await api.metrics.checkouts.get()
      const found = values.filter(({ labels }) => labels.payment_type === 'credits')
      return Object.fromEntries(found.map(({ labels, value }) => [labels.outcome, value]))
    }
    const { opened = 0, provider_unavailable: unavailable = 0 } = await counted()
    await pay({ product_id: 'credits' })
    refusal = new BillingError('provider_unavailable')
    await pay({ product_id: 'credits' })
    expect(await counted()).toMatchObject({ opened: opened + 1, provider_unavailable: unavailable + 1 })
  })
})

describe('GET /payments', () => {
  it('pages through the payments of a user, newest first, each once', async () => {
    const made: unknown[] = []
    for (let count = 0; count < 5; count += 1)
      made.push((await pay({ plan_id: 'pro', user_id: 'paged' })).body.payment_id)
    const seen: unknown[] = []
    let cursor: string | null = null
    let pages = 0
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`
      const answer = await api.call<{ data: { payment_id: string }[]; next_cursor: string | null }>(
        'GET',
        `/api/v1/payments?user_id=paged&limit=2${query}`,
        { key },
      )
      seen.push(...answer.body.data.map(({ payment_id: id }) => id))
      cursor = answer.body.next_cursor
      pages += 1
    } while (cursor !== null && pages < 10)
    expect(seen).toEqual(made.toReversed())
    expect(pages).toBe(3)
  })

  it('filters by status', async () => {
    expect((await get('payments?status=succeeded')).body).toEqual({ data: [], next_cursor: null })
  })

  it.each([
    'cursor=nonsense',
    'cursor=',
    'limit=0',
    'limit=101',
    'limit=1e1',
    'status=paid',
    'user_id=a%00b',
    'page=2',
  ])('refuses ?%s and names the field', async (query) => {
    const problem = await api.problem('GET', `/api/v1/payments?${query}`, { key })
    expect(`${problem.status} ${problem.code}`).toBe('400 invalid_request')
    expect(problem.errors?.[0]?.path).toBe(query.split('=')[0])
  })
})

describe('GET /payments/{payment_id}/attempts', () => {
  it('tells each try with its outcome, in order', async () => {
    const { body } = await pay({ plan_id: 'pro' })
    const paymentId = parseId('pay', String(body.payment_id))
    const price = money(9900, currency('brl'))
    await inProject(api.connections.application, parseId('prj', projectId), (transaction) =>
      savePaymentAttempts(transaction, { projectId: parseId('prj', projectId), paymentId }, [
        { stripeChargeId: 'ch_2', money: price, outcome: 'succeeded', attemptedAt: 2_000 },
        {
          stripeChargeId: 'ch_1',
          money: price,
          outcome: 'failed',
          declineCode: 'insufficient_funds',
          adviceCode: 'try_again_later',
          attemptedAt: 1_000,
        },
      ]),
    )
    expect((await get(`payments/${paymentId}/attempts`)).body).toEqual({
      data: [
        {
          at: '1970-01-01T00:00:01.000Z',
          amount: 9900,
          currency: 'brl',
          outcome: 'failed',
          decline_code: 'insufficient_funds',
          advice_code: 'try_again_later',
          stripe_charge_id: 'ch_1',
        },
        {
          at: '1970-01-01T00:00:02.000Z',
          amount: 9900,
          currency: 'brl',
          outcome: 'succeeded',
          stripe_charge_id: 'ch_2',
        },
      ],
      next_cursor: null,
    })
  })
})

describe('a payment that is not there', () => {
  it.each(['pay_00000000000000000000000000', 'pay_1', 'cs_test_1', '%00', '..%2f..', 'x'.repeat(3000)])(
    'is 404 for %s',
    async (id) => {
      expect(await api.refusal('GET', `/api/v1/payments/${id}/status`, { key })).toBe('404 not_found')
      expect(await api.refusal('GET', `/api/v1/payments/${id}/attempts`, { key })).toBe('404 not_found')
    },
  )
})
