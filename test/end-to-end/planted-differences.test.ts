import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mintId } from '../../db/mint-id.ts'
import { metadataKeys } from '../../domain/provider.ts'
import { idOf } from '../../providers/stripe/snapshots.ts'
import { eventually } from '../support/eventually.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, startProduct } from '../support/product.ts'
import { reconcile, type ReportShown, shortly } from '../support/reconciliation.ts'
import { makeClock, type SubscriptionShown } from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

const start = '2027-01-10T12:00:00.000Z'
/** A month later, and an hour until Stripe has finalized the invoice. */
const failure = '2027-02-10T13:30:00.000Z'

/** A user who has bought a plan, in real time. */
async function subscribe(userId: string): Promise<SubscriptionShown> {
  const { client, stripe } = product
  const payment = await client.openPayment({ user_id: userId, plan_id: 'pro' })
  await stripe.pay(payment.checkout_session_id)
  return eventually(`${userId} has a subscription`, async () => {
    const { subscriptions } = await client.access(userId)
    return (subscriptions as unknown as SubscriptionShown[]).find(({ status }) => status === 'active')
  })
}

/** A user who has bought a thing. */
async function buy(userId: string, card = cards.good) {
  const { client, stripe, sql } = product
  const payment = await client.openPayment({ user_id: userId, product_id: 'book' })
  await stripe.pay(payment.checkout_session_id, card)
  await client.paymentBecomes(payment.payment_id, 'succeeded')
  const [row] = await sql<{ intent: string; customer: string; charge: string }[]>`
    select p.stripe_payment_intent_id as intent, c.stripe_customer_id as customer, a.stripe_charge_id as charge
    from payments p join customers c using (project_id, customer_id) join payment_attempts a using (project_id, payment_id)
    where payment_id = ${payment.payment_id}`
  if (!row) throw new Error(`no payment of ${userId}`)
  return { paymentId: payment.payment_id, ...row }
}

/** All of them at once, each under its name. */
async function allOf<Promises extends Record<string, Promise<unknown>>>(promises: Promises) {
  const values = await Promise.all(Object.values(promises))
  const named = Object.keys(promises).map((name, index) => [name, values[index]])
  return Object.fromEntries(named) as { [Name in keyof Promises]: Awaited<Promises[Name]> }
}

const of = ({ data }: ReportShown, subject: string) =>
  data
    .filter(({ subject_id, stripe_id }) => subject_id === subject || stripe_id === subject)
    .map(({ kind, status }) => `${kind} ${status}`)
    .toSorted()

describe('differences that are planted', () => {
  it(
    'are each found and named, repaired where Stripe is right, and gone when compared again',
    { timeout: 300_000 },
    async () => {
      const { client, stripe, sql, projectId, temporal } = product
      const { sdk } = stripe

      // Invoices that could not be collected, each a case.
      const clock = await makeClock(product, start)
      const unpaid = new Map<string, { invoiceId: string; subscriptionId: string }>()
      const renewing = ['paid', 'voided', 'owes-less']
      for (const userId of renewing) {
        const { stripe_subscription_id: id } = await clock.subscribe(userId)
        await stripe.changeCard(id, cards.chargeDeclined)
      }
      const collected = await clock.subscribe('charged-twice')
      await clock.advanceTo(failure)
      for (const userId of renewing) {
        const { subscriptions } = await client.access(userId)
        const [shown] = subscriptions as unknown as SubscriptionShown[]
        const { invoice_id: invoiceId = '' } = shown?.dunning ?? {}
        unpaid.set(userId, { invoiceId, subscriptionId: shown?.subscription_id ?? '' })
      }
      const invoiceOf = (userId: string) => unpaid.get(userId)?.invoiceId ?? ''

      const subscriptions = new Map<string, SubscriptionShown>()
      const subscribing = ['status', 'price', 'quantity', 'period', 'ending', 'canceled', 'revived', 'gone']
      await Promise.all(subscribing.map(async (userId) => subscriptions.set(userId, await subscribe(userId))))
      const sold = (userId: string) => {
        const shown = subscriptions.get(userId)
        if (!shown) throw new Error(`${userId} has no subscription`)
        return shown
      }
      const bought = await allOf({
        customerGone: buy('customer-gone'),
        customerDeleted: buy('customer-deleted'),
        chargeGone: buy('charge-gone'),
        otherAmount: buy('other-amount'),
        twice: buy('twice'),
        byHand: buy('by-hand'),
        untaken: buy('untaken'),
        feeDiffers: buy('fee-differs'),
        transactionGone: buy('transaction-gone'),
        refunded: buy('refunded'),
        refundFails: buy('refund-fails'),
        refundedTwice: buy('refunded-twice'),
        disputed: buy('disputed'),
        disputeWon: buy('dispute-won'),
      })
      const refundOf = async (paymentId: string, amount: number) => {
        const { body } = await client.call('POST', '/api/v1/refunds', {
          body: { payment_id: paymentId, amount },
        })
        const refundId = String(body.refund_id)
        return eventually(`${refundId} has succeeded`, async () => {
          const [row] = await sql<{ stripe: string }[]>`
            select stripe_refund_id as stripe from refunds where refund_id = ${refundId} and status = 'succeeded'`
          return row && { refundId, stripeRefundId: row.stripe }
        })
      }
      const failing = await refundOf(bought.refundFails.paymentId, 1_000)
      const doubled = await refundOf(bought.refundedTwice.paymentId, 1_000)
      const won = (await stripe.disputeCharge(bought.disputeWon.charge)) as { id: string }
      await eventually('the dispute is known', async () => {
        const rows = await sql`select from disputes where stripe_dispute_id = ${won.id}`
        return rows.length === 1
      })
      const before = await reconcile(product)
      expect(before.data).toEqual([])

      // Ours are changed by hand.
      const change = async (userId: string, set: string) =>
        sql.unsafe(
          `update subscriptions set ${set} where subscription_id = '${sold(userId).subscription_id}'`,
        )
      await change('status', "status = 'past_due'")
      await change('price', "plan_id = 'team'")
      await change('quantity', 'quantity = 3')
      await change('period', "current_period_end = current_period_end - interval '1 day'")
      await change('revived', "status = 'canceled'")
      await sql`update dunning_cases set amount_due_minor = 100 where invoice_id = ${invoiceOf('owes-less')}`
      await sql`update payments set amount_received_minor = 4800 where payment_id = ${bought.otherAmount.paymentId}`
      const transactionOf = async ({ charge }: { charge: string }) =>
        idOf((await sdk.charges.retrieve(charge)).balance_transaction) ?? ''
      const untaken = await transactionOf(bought.untaken)
      await sql`delete from balance_transactions where balance_transaction_id = ${untaken}`

      // Stripe's are changed without a word.
      await stripe.silently(`POST /v1/subscriptions/${sold('ending').stripe_subscription_id}`, {
        cancel_at_period_end: true,
      })
      await stripe.silently(`DELETE /v1/subscriptions/${sold('canceled').stripe_subscription_id}`)
      await stripe.forget(sold('gone').stripe_subscription_id)
      await stripe.silently(`POST /_local/invoices/${invoiceOf('paid')}/pay`, { card: cards.good })
      await stripe.silently(`POST /v1/invoices/${invoiceOf('voided')}/void`)
      const { latest_invoice: twiceInvoice } = await sdk.subscriptions.retrieve(
        collected.stripe_subscription_id,
      )
      const twicePaid = idOf(twiceInvoice) ?? ''
      const { data: payments } = await sdk.invoicePayments.list({ invoice: twicePaid })
      await stripe.alter(payments[0]?.id ?? '', { amount_paid: 19_800 })
      await stripe.forget(bought.customerGone.customer)
      await stripe.silently(`DELETE /v1/customers/${bought.customerDeleted.customer}`)
      const orphan = (await stripe.silently('POST /v1/customers', {
        metadata: { [metadataKeys.project]: projectId, [metadataKeys.customer]: mintId('cst') },
      })) as { id: string }
      await stripe.forget(bought.chargeGone.charge)
      const charge = async (customer: string, metadata: object) => {
        const { data } = await sdk.paymentMethods.list({ customer, type: 'card' })
        const method = data[0]?.id ?? (await sdk.paymentMethods.attach('pm_card_visa', { customer })).id
        const intent = (await stripe.silently('POST /v1/payment_intents', {
          amount: 4_900,
          currency: 'brl',
          customer,
          payment_method: method,
          confirm: true,
          off_session: true,
          metadata,
        })) as { latest_charge: string }
        return intent.latest_charge
      }
      const second = await charge(bought.twice.customer, {
        [metadataKeys.project]: projectId,
        [metadataKeys.payment]: bought.twice.paymentId,
      })
      const byHand = await charge(bought.byHand.customer, {})
      const withFee = await transactionOf(bought.feeDiffers)
      await stripe.alter(withFee, { fee: 999 })
      const forgotten = await transactionOf(bought.transactionGone)
      await stripe.forget(forgotten)
      const unknown = (await stripe.silently('POST /v1/refunds', {
        charge: bought.refunded.charge,
        amount: 900,
      })) as { id: string }
      await stripe.silently(`POST /_local/refunds/${failing.stripeRefundId}/move`, { status: 'failed' })
      const again = (await stripe.silently('POST /v1/refunds', {
        charge: bought.refundedTwice.charge,
        amount: 1_000,
        metadata: { [metadataKeys.project]: projectId, [metadataKeys.refund]: doubled.refundId },
      })) as { id: string }
      const disputed = (await stripe.silently(`POST /_local/charges/${bought.disputed.charge}/dispute`)) as {
        id: string
      }
      await stripe.silently(`POST /_local/disputes/${won.id}/decide`, { outcome: 'won' })
      const unseen = await client.openPayment({ user_id: 'unseen', product_id: 'book' })
      await stripe.silently(`POST /_local/checkout/${unseen.checkout_session_id}/pay`, { card: cards.good })
      // Its checkout has died as well.
      const lost = await client.openPayment({ user_id: 'lost', plan_id: 'pro' })
      await temporal.workflow.getHandle(`checkout/${lost.payment_id}`).terminate('planted')
      await stripe.silently(`POST /_local/checkout/${lost.checkout_session_id}/pay`, { card: cards.good })

      const report = await reconcile(product)
      const found = {
        status: of(report, sold('status').subscription_id),
        price: of(report, sold('price').subscription_id),
        quantity: of(report, sold('quantity').subscription_id),
        period: of(report, sold('period').subscription_id),
        ending: of(report, sold('ending').subscription_id),
        canceled: of(report, sold('canceled').subscription_id),
        revived: of(report, sold('revived').subscription_id),
        gone: of(report, sold('gone').subscription_id),
        paid: of(report, invoiceOf('paid')),
        voided: of(report, invoiceOf('voided')),
        owesLess: of(report, invoiceOf('owes-less')),
        chargedTwice: of(report, twicePaid),
        customerGone: of(report, bought.customerGone.customer),
        customerDeleted: of(report, bought.customerDeleted.customer),
        orphan: of(report, orphan.id),
        chargeGone: of(report, bought.chargeGone.paymentId),
        otherAmount: of(report, bought.otherAmount.paymentId),
        second: of(report, second),
        byHand: of(report, byHand),
        untaken: of(report, untaken),
        withFee: of(report, withFee),
        forgotten: of(report, forgotten),
        unknownRefund: of(report, unknown.id),
        failedRefund: of(report, failing.refundId),
        doubledRefund: of(report, again.id),
        disputed: of(report, disputed.id),
        won: of(report, won.id),
        unseen: of(report, unseen.payment_id),
      }
      expect(found).toEqual({
        status: ['subscription_status_differs repaired'],
        price: ['subscription_price_differs repaired'],
        quantity: ['subscription_quantity_differs repaired'],
        period: ['subscription_period_differs repaired'],
        ending: ['subscription_ending_differs repaired'],
        canceled: ['subscription_canceled_unseen repaired'],
        revived: ['subscription_revived needs_person'],
        gone: ['subscription_missing_at_stripe needs_person'],
        paid: ['invoice_paid_unseen repaired'],
        voided: ['invoice_void_unseen repaired'],
        owesLess: ['invoice_amount_differs needs_person'],
        chargedTwice: ['invoice_charged_twice needs_person'],
        customerGone: ['customer_missing_at_stripe needs_person'],
        customerDeleted: ['customer_deleted needs_person'],
        orphan: ['customer_orphaned needs_person'],
        chargeGone: ['payment_without_charge needs_person'],
        otherAmount: ['payment_amount_differs needs_person'],
        second: ['payment_charged_twice needs_person'],
        byHand: ['charge_without_payment needs_person'],
        untaken: ['balance_transaction_missing repaired'],
        withFee: ['fee_differs needs_person'],
        forgotten: ['balance_transaction_gone needs_person'],
        unknownRefund: ['refund_unknown repaired'],
        failedRefund: ['refund_status_differs repaired'],
        doubledRefund: ['refunded_twice needs_person'],
        disputed: ['dispute_unknown repaired'],
        won: ['dispute_status_differs repaired'],
        unseen: ['charge_without_payment repaired'],
      })
      const ofLost = report.data.filter(({ kind }) => kind === 'subscription_missing_here')
      expect(ofLost.map(({ status }) => status)).toEqual(['repaired'])
      expect(new Set(report.data.map(({ kind }) => kind)).size).toBeGreaterThan(23)
      // A person mends what a person may.
      await sql`update dunning_cases set amount_due_minor = 9900 where invoice_id = ${invoiceOf('owes-less')}`
      await sql`update payments set amount_received_minor = 4900 where payment_id = ${bought.otherAmount.paymentId}`
      await change('revived', "status = 'active'")
      await stripe.alter(payments[0]?.id ?? '', { amount_paid: 9_900 })
      await stripe.alter(withFee, { fee: 172 })
      await sdk.customers.del(orphan.id)

      const rerun = await reconcile(product)
      expect(shortly(rerun)).toEqual([
        // By what was forgotten at Stripe, to the cent.
        'balance_differs needs_person',
        'balance_transaction_gone needs_person',
        'balance_transaction_unexplained needs_person',
        'balance_transaction_unexplained needs_person',
        'balance_transaction_unexplained needs_person',
        'charge_without_payment needs_person',
        'customer_deleted needs_person',
        'customer_missing_at_stripe needs_person',
        'payment_charged_twice needs_person',
        'payment_without_charge needs_person',
        'refunded_twice needs_person',
        'subscription_missing_at_stripe needs_person',
      ])
      const [inBrl] = rerun.balances
      expect((inBrl?.ledger ?? 0) - (inBrl?.stripe ?? 0)).toBe(4_900 - 172)

      // Each is told once, however often it is found.
      const alerts = await sql<{ stripe: string | null; kind: string; count: number }[]>`
        select data->>'stripe_id' as stripe, data->>'kind' as kind, count(*)::int as count
        from (select envelope::jsonb->'data' as data, envelope::jsonb->>'type' as type from outbox) as told
        where type = 'com.quittance.alert.reconciliation_difference' and data->>'kind' <> 'balance_differs' group by 1, 2`
      expect(alerts.filter(({ count }) => count !== 1)).toEqual([])
      expect(alerts.length).toBeGreaterThan(15)
    },
  )
})
