import { metadataKeys } from '../../domain/provider.ts'
import { idOf } from '../../providers/stripe/snapshots.ts'
import { groupBy } from './group-by.ts'
import type { LocalStripe } from './local-stripe.ts'

type Sdk = LocalStripe['sdk']
type Listed<List> = List extends (...parameters: never[]) => AsyncIterable<infer Item> ? Item : never
type Session = Listed<Sdk['checkout']['sessions']['list']>

/** What Stripe would have the product's tables say. */
export interface StripeBooks {
  sessions: Session[]
  payments: () => { payment_id: string; status: string; received: number; refunded: number }[]
  attempts: () => { charge: string; outcome: string }[]
  subscriptions: () => {
    subscription_id: string
    status: string
    quantity: number
    price: string
    ends: number
  }[]
  refunds: () => { stripe_refund_id: string; amount: number; status: string }[]
  disputes: () => { stripe_dispute_id: string; amount: number; status: string; withdrawn: boolean }[]
  /** What is left of what was captured, before Stripe's fees. */
  balances: () => { currency: string; balance: number }[]
}

export async function readStripe(sdk: Sdk): Promise<StripeBooks> {
  const [pages, charges, refunds, disputes, subscriptions, intents] = await Promise.all([
    all(sdk.checkout.sessions.list({ limit: 100 })),
    all(sdk.charges.list({ limit: 100 })),
    all(sdk.refunds.list({ limit: 100 })),
    all(sdk.disputes.list({ limit: 100 })),
    allSubscriptions(sdk),
    all(sdk.paymentIntents.list({ limit: 100 })),
  ])
  // On the others nothing is bought.
  const sessions = pages.filter(({ mode }) => mode !== 'setup')
  const paymentOfIntent = new Map<string, string>()
  for (const { payment_intent: intent, metadata } of sessions)
    if (typeof intent === 'string') paymentOfIntent.set(intent, metadata?.[metadataKeys.payment] ?? '')
  for (const { id, metadata } of subscriptions) {
    const ofSubscription = sdk.invoices.list({ subscription: id, limit: 100, expand: ['data.payments'] })
    const first = (await all(ofSubscription)).find(({ billing_reason: why }) => why === 'subscription_create')
    const intent = first?.payments?.data[0]?.payment.payment_intent
    if (typeof intent === 'string') paymentOfIntent.set(intent, metadata[metadataKeys.payment] ?? '')
  }
  for (const { id, metadata } of intents)
    if (metadata[metadataKeys.topUp] !== undefined)
      paymentOfIntent.set(id, metadata[metadataKeys.topUp] ?? '')
  const ofPayments = charges.filter(({ payment_intent: intent }) => paymentOfIntent.has(idOf(intent) ?? ''))
  const declined = new Set(
    charges
      .filter(({ status }) => status === 'failed')
      .map(({ payment_intent: intent }) => paymentOfIntent.get(idOf(intent) ?? '') ?? ''),
  )
  const statusOf = (session: Session): string => {
    if (session.status === 'open') return 'pending'
    if (session.status === 'complete') return session.payment_status === 'unpaid' ? 'pending' : 'succeeded'
    return declined.has(session.metadata?.[metadataKeys.payment] ?? '') ? 'failed' : 'expired'
  }

  const receivedOf = (paymentId: string): number =>
    sumOf(
      ofPayments
        .filter(({ status }) => status === 'succeeded')
        .filter(({ payment_intent: intent }) => paymentOfIntent.get(idOf(intent) ?? '') === paymentId)
        .map(({ amount_captured: amount }) => amount),
    )
  const refundedOf = (paymentId: string): number =>
    sumOf(
      refunds
        .filter(({ status }) => status === 'succeeded')
        .filter(({ payment_intent: intent }) => paymentOfIntent.get(idOf(intent) ?? '') === paymentId)
        .map(({ amount }) => amount),
    )

  return {
    sessions,
    payments: () =>
      sessions.map((session) => {
        const payment_id = session.metadata?.[metadataKeys.payment] ?? ''
        const status = statusOf(session)
        const received = status === 'succeeded' ? receivedOf(payment_id) : 0
        const refunded = refundedOf(payment_id)
        return {
          payment_id,
          status: refunded === 0 ? status : refunded < received ? 'partially_refunded' : 'refunded',
          received,
          refunded,
        }
      }),
    attempts: () => ofPayments.map(({ id, status }) => ({ charge: id, outcome: status })),
    subscriptions: () =>
      subscriptions
        // One whose first payment was never made has not begun.
        .filter(({ status }) => !status.startsWith('incomplete'))
        .map(({ metadata, status, items, latest_invoice: latest }) => ({
          subscription_id: metadata[metadataKeys.subscription] ?? '',
          // What Stripe gave up on we still call by what it is.
          status: status === 'unpaid' ? 'past_due' : status,
          quantity: items.data[0]?.quantity ?? 1,
          price: items.data[0]?.price.id ?? '',
          // Stripe opens a period before it charges for it; with us it begins when it is paid.
          ends:
            (isDraft(latest) ? items.data[0]?.current_period_start : items.data[0]?.current_period_end) ?? 0,
        })),
    refunds: () =>
      refunds.map(({ id, amount, status }) => ({
        stripe_refund_id: id,
        amount,
        status: status === 'canceled' ? 'failed' : (status ?? ''),
      })),
    disputes: () =>
      disputes.map((dispute) => ({
        stripe_dispute_id: dispute.id,
        amount: dispute.amount,
        status: dispute.status,
        withdrawn: withdrawnBy(dispute) > 0,
      })),
    balances: () => {
      const succeeded = charges.filter(({ status }) => status === 'succeeded')
      return [...groupBy(succeeded, ({ currency }) => currency)].map(([currency, ofCurrency]) => {
        const captured = sumOf(ofCurrency.map(({ amount_captured: amount }) => amount))
        const refunded = sumOf(
          refunds
            .filter((refund) => refund.currency === currency && isOnItsWay(refund))
            .map(({ amount }) => amount),
        )
        const withdrawn = sumOf(disputes.filter((dispute) => dispute.currency === currency).map(withdrawnBy))
        return { currency, balance: captured - refunded - withdrawn }
      })
    },
  }
}

const sumOf = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0)
const isOnItsWay = ({ status }: { status: string | null }) => status !== 'failed' && status !== 'canceled'
/** What the customer's bank has now. */
const withdrawnBy = ({ balance_transactions: moved }: Listed<Sdk['disputes']['list']>) =>
  -sumOf(moved.map(({ amount }) => amount))

const isDraft = (latest: Listed<Sdk['subscriptions']['list']>['latest_invoice']) =>
  typeof latest === 'object' && latest?.status === 'draft' && latest.billing_reason === 'subscription_cycle'

/** Those on a test clock are listed only with their clock. */
async function allSubscriptions(sdk: Sdk) {
  const clocks = await all(sdk.testHelpers.testClocks.list({ limit: 100 }))
  const lists = await Promise.all(
    [{}, ...clocks.map(({ id }) => ({ test_clock: id }))].map((filter) =>
      all(sdk.subscriptions.list({ limit: 100, status: 'all', expand: ['data.latest_invoice'], ...filter })),
    ),
  )
  return lists.flat()
}

async function all<Item>(list: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of list) items.push(item)
  return items
}
