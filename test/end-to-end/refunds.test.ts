import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCheckoutClient } from '../support/checkout-client.ts'
import { idOf } from '../../providers/stripe/snapshots.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, joinProduct } from '../support/product.ts'
import { makeClock } from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await joinProduct()
})
afterAll(() => product.end())

interface RefundShown {
  refund_id: string
  status: string
  amount: number
  origin: string
  failure_code?: string
  stripe_refund_id?: string
  stripe_credit_note_id?: string
}

const price = 4_900

/** A user who has bought the book. */
async function buy(userId: string, card = cards.good): Promise<{ paymentId: string; userId: string }> {
  const { client, stripe } = product
  const opened = await client.openPayment({ user_id: userId, product_id: 'book' })
  await stripe.pay(opened.checkout_session_id, card)
  await client.paymentBecomes(opened.payment_id, 'succeeded')
  return { paymentId: opened.payment_id, userId }
}

async function refund(body: object, client = product.client): Promise<RefundShown> {
  const answer = await client.call('POST', '/api/v1/refunds', { body })
  if (answer.status !== 202) throw new Error(`refund: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body as unknown as RefundShown
}

const setPolicy = async (body: object) => {
  const path = `/api/v1/projects/${product.projectId}/refund-policy`
  const { status } = await product.operator.call('PUT', path, { body })
  if (status !== 200) throw new Error(`policy: ${status}`)
}

const read = async (refundId: string): Promise<RefundShown> =>
  (await product.client.call('GET', `/api/v1/refunds/${refundId}`)).body as unknown as RefundShown

const becomes = (refundId: string, status: string): Promise<RefundShown> =>
  eventually(`refund ${refundId} becomes ${status}`, async () => {
    const shown = await read(refundId)
    if (shown.status === status) return shown
    throw new Error(JSON.stringify(shown))
  })

const typesOf = (userId: string) => product.events.typesOf(product.projectId, userId)
const told = (userId: string, type: string) =>
  eventually(`${userId} is told of ${type}`, async () => typesOf(userId).includes(type))

async function chargeOf(paymentId: string): Promise<string> {
  const [row] = await product.sql<{ id: string }[]>`
    select stripe_charge_id as id from payment_attempts where payment_id = ${paymentId} and outcome = 'succeeded'`
  if (!row) throw new Error(`${paymentId} has no charge`)
  return row.id
}

describe('a refund', () => {
  it('of all of a payment is made at once and told', async () => {
    const { paymentId, userId } = await buy('wants-all-back')
    const made = await refund({ payment_id: paymentId, reason: 'It arrived damaged.' })
    expect(made).toMatchObject({ status: 'succeeded', amount: price, origin: 'request' })
    expect(await product.client.payment(paymentId)).toMatchObject({ status: 'refunded' })
    await told(userId, 'payment.refunded')
    await told(userId, 'refund.succeeded')
    expect(
      typesOf(userId)
        .filter((type) => type.includes('refund'))
        .toSorted(),
    ).toEqual(['payment.refunded', 'refund.created', 'refund.succeeded'])
  })

  it('is made in parts until nothing is left, and says what is', async () => {
    const { paymentId } = await buy('wants-parts')
    await refund({ payment_id: paymentId, amount: 2_000 })
    expect(await product.client.payment(paymentId)).toMatchObject({
      status: 'partially_refunded',
      amount_refunded: 2_000,
    })
    const tooMuch = await product.client.call('POST', '/api/v1/refunds', {
      body: { payment_id: paymentId, amount: 2_901 },
    })
    expect(tooMuch).toMatchObject({
      status: 409,
      body: { code: 'refund_exceeds_remaining', amount_left: 2_900, currency: 'brl' },
    })
    expect(await refund({ payment_id: paymentId })).toMatchObject({ amount: 2_900 })
    const nothing = await product.client.call('POST', '/api/v1/refunds', { body: { payment_id: paymentId } })
    expect(nothing).toMatchObject({ status: 409, body: { code: 'nothing_to_refund', amount_left: 0 } })
  })

  it('that the bank takes its time with is pending, and succeeds', async () => {
    const { paymentId } = await buy('has-a-slow-bank', cards.pendingRefund)
    const made = await refund({ payment_id: paymentId })
    expect(made.status).toBe('pending')
    await becomes(made.refund_id, 'succeeded')
    expect(await product.client.payment(paymentId)).toMatchObject({ status: 'refunded' })
  })

  it('that comes back after days has failed, and the money can be refunded again', async () => {
    const { paymentId, userId } = await buy('has-closed-the-card', cards.refundFail)
    const made = await refund({ payment_id: paymentId, amount: 1_000 })
    expect(await becomes(made.refund_id, 'failed')).toMatchObject({ failure_code: expect.any(String) })
    expect(await product.client.payment(paymentId)).toMatchObject({ status: 'succeeded', amount_refunded: 0 })
    await told(userId, 'alert.refund_failed')
    expect(await refund({ payment_id: paymentId })).toMatchObject({ amount: price })
  })

  it('of somebody in Stripe’s dashboard is followed as one of ours', async () => {
    const { paymentId, userId } = await buy('is-refunded-by-hand')
    await product.stripe.sdk.refunds.create({ charge: await chargeOf(paymentId), amount: 900 })
    await told(userId, 'payment.refunded')
    expect(await product.client.payment(paymentId)).toMatchObject({ amount_refunded: 900 })
    expect(await refund({ payment_id: paymentId })).toMatchObject({ amount: price - 900 })
  })

  it('of somebody who is faster than the news of the payment goes after it', async () => {
    const { client, stripe } = product
    const userId = 'is-refunded-too-early'
    const opened = await client.openPayment({ user_id: userId, product_id: 'book' })
    const session = opened.checkout_session_id
    await stripe.payInVain(session)
    await eventually('the declined card is recorded', async () => {
      const [row] = await product.sql<{ count: number }[]>`
        select count(*)::int as count from payment_attempts where payment_id = ${opened.payment_id}`
      return row?.count === 1
    })
    await stripe.silently(`POST /_local/checkout/${session}/pay`, { card: cards.good })
    const { payment_intent: intent } = await stripe.sdk.checkout.sessions.retrieve(session)
    await stripe.sdk.refunds.create({ payment_intent: idOf(intent) ?? '', amount: 900 })
    await told(userId, 'payment.refunded')
    expect(await client.payment(opened.payment_id)).toMatchObject({
      status: 'partially_refunded',
      amount_received: price,
      amount_refunded: 900,
    })
    expect(typesOf(userId)).toContain('payment.succeeded')
  })

  it('of an invoice puts a credit note on it', async () => {
    const clock = await makeClock(product, '2027-01-10T12:00:00.000Z')
    const sold = await clock.subscribe('is-renewed')
    await clock.advanceTo('2027-02-10T14:00:00.000Z')
    const { data } = await product.stripe.sdk.invoices.list({ subscription: sold.stripe_subscription_id })
    const renewal = data.find(({ billing_reason: why }) => why === 'subscription_cycle')
    const made = await refund({ invoice_id: renewal?.id, amount: 900 })
    expect(await read(made.refund_id)).toMatchObject({
      status: 'succeeded',
      stripe_credit_note_id: expect.stringMatching(/^cn_/),
    })
    expect(await product.stripe.sdk.invoices.retrieve(renewal?.id ?? '')).toMatchObject({
      post_payment_credit_notes_amount: 900,
    })
  })
})

describe('a subscription', () => {
  it('that is canceled at once gives back what is unused, where the policy says so', async () => {
    await setPolicy({ on_cancellation: 'prorate' })
    const clock = await makeClock(product, '2027-04-10T12:00:00.000Z')
    const { subscription_id: id } = await clock.subscribe('leaves-in-the-middle')
    await clock.advanceTo('2027-04-25T12:00:00.000Z')
    const body = { at: 'now', reason: 'Moving away.' }
    await product.client.call('POST', `/api/v1/subscriptions/${id}/cancel`, { body })
    await told('leaves-in-the-middle', 'payment.refunded')
    const { body: page } = await product.client.call('GET', '/api/v1/refunds')
    expect((page.data as object[])[0]).toMatchObject({
      origin: 'cancellation',
      amount: 4_950,
      status: 'succeeded',
      subscription_id: id,
    })
    await setPolicy({})
  })

  it('that is canceled after an upgrade gives back the rest of both charges, the newest first', async () => {
    await setPolicy({ on_cancellation: 'prorate' })
    const clock = await makeClock(product, '2027-04-10T12:00:00.000Z')
    const { subscription_id: id } = await clock.subscribe('upgrades-and-leaves')
    await clock.advanceTo('2027-04-25T12:00:00.000Z')
    const ask = async (command: string, body: object) => {
      const { status } = await product.client.call('POST', `/api/v1/subscriptions/${id}/${command}`, { body })
      expect(status).toBe(200)
    }
    await ask('change-plan', { plan_id: 'team', when: 'now' })
    await ask('cancel', { at: 'now' })
    const made = await eventually('both have gone back', async () => {
      const { body } = await product.client.call('GET', '/api/v1/refunds')
      const ofIt = (body.data as (RefundShown & { subscription_id?: string })[]).filter(
        ({ subscription_id }) => subscription_id === id,
      )
      if (ofIt.length === 2 && ofIt.every(({ status }) => status === 'succeeded')) return ofIt
      throw new Error(JSON.stringify(ofIt))
    })
    // Half of the first price was used; all of what the upgrade has cost was not.
    expect(made.map(({ amount }) => amount).toSorted((one, other) => one - other)).toEqual([4_950, 20_000])
    await setPolicy({})
  })

  it('ends with its refund when that is asked for', async () => {
    const clock = await makeClock(product, '2027-04-10T12:00:00.000Z')
    const { subscription_id: id } = await clock.subscribe('wants-out')
    const [row] = await product.sql<{ payment_id: string }[]>`
      select payment_id from subscriptions where subscription_id = ${id}`
    await refund({ payment_id: row?.payment_id, subscription: 'cancel' })
    await told('wants-out', 'subscription.canceled')
    expect(await product.client.access('wants-out')).toMatchObject({ roles: [] })
  })
})

describe('above the limit of the project', () => {
  it('waits for a second person, who is not the first', async () => {
    const { client, operator } = product
    const named = { 'x-project-id': product.projectId }
    await setPolicy({ approval_above: 4_000 })
    const { paymentId } = await buy('waits-for-approval')
    const asked = await refund({ payment_id: paymentId })
    expect(asked.status).toBe('awaiting_approval')
    const decide = (by: typeof client, refundId: string, what: string) =>
      by.call('POST', `/api/v1/refunds/${refundId}/${what}`, {
        body: { reason: 'It is right.' },
        headers: named,
      })
    expect(await decide(client, asked.refund_id, 'approve')).toMatchObject({ status: 403 })
    expect(await decide(operator, asked.refund_id, 'approve')).toMatchObject({
      status: 202,
      body: { status: 'succeeded' },
    })
  })

  it('waits also in slices, and when a cancellation gives it back', async () => {
    const { paymentId } = await buy('wants-slices')
    expect((await refund({ payment_id: paymentId, amount: 3_000 })).status).toBe('succeeded')
    expect((await refund({ payment_id: paymentId, amount: 1_001 })).status).toBe('awaiting_approval')
    expect((await refund({ payment_id: paymentId, amount: 500 })).status).toBe('awaiting_approval')
    await setPolicy({ approval_above: 4_000, on_cancellation: 'prorate' })
    const clock = await makeClock(product, '2027-04-10T12:00:00.000Z')
    const { subscription_id: id } = await clock.subscribe('leaves-with-approval')
    const { status } = await product.client.call('POST', `/api/v1/subscriptions/${id}/cancel`, {
      body: { at: 'now' },
    })
    expect(status).toBe(200)
    const waiting = await eventually('the rest waits', async () => {
      const { body } = await product.client.call('GET', '/api/v1/refunds?status=awaiting_approval')
      const found = body.data as RefundShown[]
      return found.some(({ origin, amount }) => origin === 'cancellation' && amount === 9_900) && found
    })
    for (const { refund_id: refundId } of waiting)
      await product.operator.call('POST', `/api/v1/refunds/${refundId}/reject`, {
        body: { reason: 'It was a test.' },
        headers: { 'x-project-id': product.projectId },
      })
    await setPolicy({ approval_above: 4_000 })
  })

  it('is not approved by whoever asked, and frees its amount when it is rejected', async () => {
    const { operator } = product
    const made = await operator.call('POST', '/api/v1/operators', { body: { name: 'Olga', role: 'support' } })
    const olga = createCheckoutClient({ apiUrl: product.apiUrl, apiKey: String(made.body.api_key) })
    const headers = { 'x-project-id': product.projectId }
    const { paymentId, userId } = await buy('is-rejected')
    const asked = await olga.call('POST', '/api/v1/refunds', { body: { payment_id: paymentId }, headers })
    const path = `/api/v1/refunds/${String(asked.body.refund_id)}`
    const body = { reason: 'The book was read.' }
    expect(await olga.call('POST', `${path}/approve`, { body, headers })).toMatchObject({
      status: 403,
      body: { code: 'own_request' },
    })
    expect(await operator.call('POST', `${path}/reject`, { body, headers })).toMatchObject({
      status: 202,
      body: { status: 'failed', failure_code: 'rejected' },
    })
    expect(await operator.call('POST', `${path}/approve`, { body, headers })).toMatchObject({
      status: 409,
      body: { code: 'not_awaiting_approval' },
    })
    await told(userId, 'refund.failed')
    await setPolicy({})
    expect(await refund({ payment_id: paymentId })).toMatchObject({ amount: price, status: 'succeeded' })
  })
})

describe('a worker that is killed', () => {
  const refundsMade = async (chargeId: string) =>
    (await product.stripe.counts()).refunds_per_charge[chargeId] ?? 0

  it('while Stripe’s answer is on its way makes no second refund', async () => {
    const { stripe, worker } = product
    const { paymentId } = await buy('answer-on-its-way')
    const chargeId = await chargeOf(paymentId)
    await stripe.faults({ api: { delay_ms: 3_000, paths: ['/v1/refunds'] } })
    const asked = refund({ payment_id: paymentId })
    await eventually('Stripe has made it', async () => (await refundsMade(chargeId)) === 1)
    await worker.kill()
    await stripe.endFaults()
    await worker.start()
    await becomes((await asked).refund_id, 'succeeded')
    expect(await refundsMade(chargeId)).toBe(1)
  })

  it('while it writes what Stripe has answered writes it once', async () => {
    const { sql, worker } = product
    const { paymentId } = await buy('is-being-written')
    const chargeId = await chargeOf(paymentId)
    const locks = await sql.reserve()
    await locks`begin`
    await locks`select from payments where payment_id = ${paymentId} for update`
    const asked = refund({ payment_id: paymentId })
    await eventually('it waits for the lock', async () => {
      const [row] = await sql`
        select count(*)::int as count from pg_locks join pg_stat_activity using (pid)
        where datname = current_database() and usename = 'quittance_app' and not granted`
      return row?.count === 1
    })
    await worker.kill()
    await locks`rollback`
    locks.release()
    await worker.start()
    await becomes((await asked).refund_id, 'succeeded')
    expect(await refundsMade(chargeId)).toBe(1)
  })

  it('before anybody asks takes the refund up when it is back', async () => {
    const { worker } = product
    const { paymentId } = await buy('asks-a-dead-worker')
    await worker.kill()
    const asked = await refund({ payment_id: paymentId })
    expect(asked.status).toBe('pending')
    await worker.start()
    await becomes(asked.refund_id, 'succeeded')
    expect(await refundsMade(await chargeOf(paymentId))).toBe(1)
  })
})

describe('all of it', () => {
  it('leaves books that agree with Stripe, and workflows that are well', async () => {
    expect(await findFlaws(product)).toEqual([])
  })
})
