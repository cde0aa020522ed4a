import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Product, startProduct } from '../support/product.ts'
import { eventually } from '../support/eventually.ts'
import { reconcile, reportOf, shortly } from '../support/reconciliation.ts'
import { makeClock } from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

const start = '2027-01-10T12:00:00.000Z'

describe('a comparison of books that agree', () => {
  it('finds nothing, and the balance of all books is that of Stripe to the cent', async () => {
    const { client, stripe, operator } = product
    const clock = await makeClock(product, start)
    await clock.subscribe('ada')
    await clock.subscribe('bob', 'team')
    const other = await product.registerProject()
    const payment = await other.client.openPayment({ user_id: 'eve', product_id: 'book' })
    await stripe.pay(payment.checkout_session_id)
    await other.client.paymentBecomes(payment.payment_id, 'succeeded')
    await clock.advanceTo('2027-03-12T12:00:00.000Z')
    // What others sell on the same account is no difference.
    const foreign = await stripe.sdk.paymentIntents.create({
      amount: 7_700,
      currency: 'usd',
      payment_method: 'pm_card_visa',
      confirm: true,
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    })
    await eventually('its money is booked', async () => {
      const { data } = await stripe.sdk.charges.list({ payment_intent: foreign.id })
      return typeof data[0]?.balance_transaction === 'string'
    })
    await stripe.payOut('brl', { include_pending: true })

    const report = await reconcile(product)
    expect(shortly(report)).toEqual([])
    expect(report).toMatchObject({ status: 'completed', differences: 0 })
    expect(report.foreign).toBeGreaterThan(0)
    const balance = await stripe.sdk.balance.retrieve()
    const atStripe = (code: string) =>
      [...balance.available, ...balance.pending]
        .filter(({ currency }) => currency === code)
        .reduce((sum, { amount }) => sum + amount, 0)
    expect(report.balances).toEqual([{ currency: 'usd', ledger: 7_447, waiting: 0, stripe: 7_447 }])
    expect(atStripe('usd')).toBe(7_447)
    expect(atStripe('brl')).toBe(0)

    const account = { headers: { 'x-project-id': 'prj_00000000000000000000000000' } }
    const { body } = await operator.call('GET', '/api/v1/ledger/accounts', account)
    expect(body.data).toMatchObject([
      { account: 'bank', currency: 'brl' },
      { account: 'fees', balance: 253, currency: 'usd' },
      { account: 'other_business', balance: 7_700, currency: 'usd' },
      { account: 'stripe_balance', currency: 'brl' },
      { account: 'stripe_balance', balance: 7_447, currency: 'usd' },
    ])
    const own = await client.call('GET', '/api/v1/ledger/accounts')
    expect(own.body.data).toEqual(
      expect.arrayContaining([expect.objectContaining({ account: 'fees', currency: 'brl' })]),
    )
  })
})

describe('a worker that is killed in the middle of a comparison', () => {
  it('leaves it to the next, which goes on where it ended and reads nothing again', async () => {
    const { stripe, operator, worker, sql } = product
    const [subscription] = await sql<{ id: string }[]>`
      update subscriptions set quantity = 7 where user_id = 'ada' returning subscription_id as id`
    const callsBefore = (await stripe.counts()).calls
    await stripe.faults({ api: { delay_ms: 4_000, paths: ['/v1/charges'] } })
    const { body } = await operator.call('POST', '/api/v1/reconciliations', { body: {} })
    const path = `/api/v1/reconciliations/${String(body.reconciliation_id)}`
    await eventually('it compares charges', async () => {
      const shown = await operator.call('GET', path)
      return shown.body.stage === 'charges'
    })
    const again = await operator.call('POST', '/api/v1/reconciliations', { body: {} })
    expect(again.body.reconciliation_id).toBe(body.reconciliation_id)
    await worker.kill()
    await stripe.endFaults()
    await worker.start()

    const report = await reportOf(product, String(body.reconciliation_id))
    expect(report.data).toMatchObject([
      {
        kind: 'subscription_quantity_differs',
        status: 'repaired',
        subject_id: subscription?.id,
        ours: { quantity: 7 },
        stripes: { quantity: 1 },
      },
    ])
    expect(report.status).toBe('completed')
    const callsAfter = (await stripe.counts()).calls
    const read = (list: string) => (callsAfter[list] ?? 0) - (callsBefore[list] ?? 0)
    // One list without a clock, and one for the clock.
    expect([read('GET /v1/customers'), read('GET /v1/subscriptions'), read('GET /v1/invoices')]).toEqual([
      2, 2, 1,
    ])
    expect(shortly(await reconcile(product))).toEqual([])
  })
})
