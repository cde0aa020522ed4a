import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, joinProduct } from '../support/product.ts'
import { later, makeClock } from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await joinProduct()
})
afterAll(() => product.end())

interface DisputeShown {
  dispute_id: string
  status: string
  amount: number
  funds_withdrawn: boolean
  evidence_due_at?: string
  stripe_dispute_id: string
  stripe_charge_id: string
  user_id: string
}

const start = '2027-01-10T12:00:00.000Z'
const typesOf = (userId: string) => product.events.typesOf(product.projectId, userId)
const told = (userId: string, type: string) =>
  eventually(`${userId} is told of ${type}`, async () => typesOf(userId).includes(type))

const find = (userId: string, status: string): Promise<DisputeShown> =>
  eventually(`the dispute of ${userId} is ${status}`, async () => {
    const { body } = await product.client.call('GET', '/api/v1/disputes')
    const found = (body.data as DisputeShown[]).find((shown) => shown.user_id === userId)
    if (found?.status === status) return found
    throw new Error(JSON.stringify(found))
  })

async function buy(userId: string, card: string): Promise<string> {
  const { client, stripe } = product
  const opened = await client.openPayment({ user_id: userId, product_id: 'book' })
  await stripe.pay(opened.checkout_session_id, card)
  return opened.payment_id
}

const setPolicy = async (body: object) => {
  const path = `/api/v1/projects/${product.projectId}/refund-policy`
  const { status } = await product.operator.call('PUT', path, { body })
  if (status !== 200) throw new Error(`policy: ${status}`)
}

describe('a disputed charge', () => {
  it('takes the money out of the ledger, asks for evidence, and is not refunded as well', async () => {
    const paymentId = await buy('wants-it-back-by-the-bank', cards.disputed)
    const dispute = await find('wants-it-back-by-the-bank', 'needs_response')
    expect(dispute).toMatchObject({ amount: 4_900, funds_withdrawn: true })
    await told('wants-it-back-by-the-bank', 'alert.dispute_opened')
    const refused = await product.client.call('POST', '/api/v1/refunds', { body: { payment_id: paymentId } })
    expect(refused).toMatchObject({ status: 409, body: { code: 'payment_disputed' } })
    // Told in the transaction; shown by the workflow after it.
    const workflow = product.temporal.workflow.getHandle(`dispute/${dispute.dispute_id}`)
    await eventually('an operator sees that evidence is due', async () =>
      (await workflow.describe()).typedSearchAttributes
        .getAll()
        .some(({ value }) => value === 'evidence_due'),
    )

    await product.stripe.decideDispute(dispute.stripe_dispute_id, 'won')
    expect(await find('wants-it-back-by-the-bank', 'won')).toMatchObject({ funds_withdrawn: false })
    await told('wants-it-back-by-the-bank', 'dispute.closed')
  })

  it('that is lost leaves the money with the bank', async () => {
    await buy('wins-at-the-bank', cards.disputed)
    const { stripe_dispute_id: id } = await find('wins-at-the-bank', 'needs_response')
    await product.stripe.decideDispute(id, 'lost')
    expect(await find('wins-at-the-bank', 'lost')).toMatchObject({ funds_withdrawn: true })
  })

  it('of a renewal reminds three times before evidence is due, and ends the subscription by policy', async () => {
    await setPolicy({ on_dispute: 'cancel' })
    const clock = await makeClock(product, start)
    const sold = await clock.subscribe('disputes-a-renewal')
    await clock.advanceTo('2027-02-10T14:00:00.000Z')
    const { data } = await product.stripe.sdk.charges.list({ limit: 1 })
    await product.stripe.disputeCharge(data[0]?.id ?? '')
    await find('disputes-a-renewal', 'needs_response')
    await clock.advanceTo(later('2027-02-10T14:00:00.000Z', 10))
    await find('disputes-a-renewal', 'lost')
    await told('disputes-a-renewal', 'dispute.closed')
    const types = typesOf('disputes-a-renewal')
    expect(types.filter((type) => type === 'alert.dispute_evidence_due')).toHaveLength(3)
    expect(await product.client.call('GET', `/api/v1/subscriptions/${sold.subscription_id}`)).toMatchObject({
      body: { status: 'canceled' },
    })
    await setPolicy({})
  })
})

describe('a warning of fraud', () => {
  it('is told', async () => {
    await buy('is-suspected', cards.fraudWarning)
    await told('is-suspected', 'alert.fraud_warning')
    expect(typesOf('is-suspected')).not.toContain('refund.created')
  })

  it('gives the money back where the policy says so', async () => {
    await setPolicy({ on_fraud_warning: 'refund' })
    const paymentId = await buy('is-suspected-again', cards.fraudWarning)
    expect(await product.client.paymentBecomes(paymentId, 'refunded')).toMatchObject({
      amount_refunded: 4_900,
    })
    await setPolicy({})
  })
})

describe('all of it', () => {
  it('leaves books that agree with Stripe, and workflows that are well', async () => {
    expect(await findFlaws(product)).toEqual([])
  })
})
