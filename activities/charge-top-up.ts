import { inProject, type Transaction } from '../db/client.ts'
import { type CustomerRow, lockCustomer, readCustomer } from '../db/customers.ts'
import { findProduct, toProduct } from '../db/catalog.ts'
import {
  acceptPayment,
  findPayment,
  lockPayment,
  type PaymentRow,
  readPayment,
  savePaymentAttempts,
} from '../db/payments.ts'
import { appendEvents } from '../db/outbox.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import { readTopUp, type TopUpRow, updateTopUp } from '../db/top-ups.ts'
import { type HeldWallet, holdKnownWallet, updateWallet } from '../db/wallets.ts'
import type { CheckoutSnapshot } from '../domain/checkout.ts'
import { explainDecline } from '../domain/decline-codes.ts'
import { BillingError } from '../domain/errors.ts'
import type { EventDraft } from '../domain/events.ts'
import type { PaymentId, ProjectId } from '../domain/ids.ts'
import { currency, money } from '../domain/money.ts'
import type { CardCharge } from '../domain/provider.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'
import { addNotices } from './notices.ts'
import { recordOutcome } from './record-checkout.ts'

export interface TopUpInput {
  projectId: ProjectId
  /** Of the payment that it is, minted before there was one. */
  paymentId: PaymentId
}

/** A charge, or why there is none. */
type Charged = CardCharge | { outcome: 'not_charged'; declineCode: string }

/** Never started by the sweep: it has a workflow of its own, and no page. */
const NEVER = new Date('9999-12-31T00:00:00Z')

/** Buys the pack of a top-up with the saved default card, once. Each step is a row before it is done: that it is wanted, its
 *  payment, its card. So whoever repeats it goes on with the very same charge. */
export function createChargeTopUp(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies

  return async function chargeTopUp(input: TopUpInput): Promise<TopUpRow['status']> {
    const { projectId } = input
    const begun = await inProject(database, projectId, (transaction) => begin(transaction, input))
    if (begun.topUp.endedAt !== null) return begun.topUp.status
    return end(input, await charge(begun.topUp, begun.customer))
  }

  async function charge(topUp: TopUpRow, customer: CustomerRow): Promise<Charged> {
    const { projectId, paymentId } = topUp
    const providerCustomerId = customer.stripeCustomerId
    const card = providerCustomerId === null ? undefined : await chooseCard(topUp, providerCustomerId)
    if (providerCustomerId === null || card === undefined)
      return { outcome: 'not_charged', declineCode: 'no_payment_method' }
    const payment = await inProject(database, projectId, (transaction) =>
      readPayment(transaction, projectId, paymentId),
    )
    try {
      return await runEffect<CardCharge>({
        database,
        effect: { projectId, intent: `${paymentId}/charge` },
        now: now(),
        lookUp: () => provider.findCardCharge({ paymentId, providerCustomerId }),
        call: (effectKey) =>
          provider.chargeCard(
            {
              projectId,
              paymentId,
              providerCustomerId,
              paymentMethodId: card,
              amount: money(payment.amount, currency(payment.currency)),
              description: payment.description ?? paymentId,
            },
            effectKey,
          ),
      })
    } catch (error) {
      // A request that is refused for good (the card is gone) has charged nothing.
      if (!(error instanceof BillingError) || error.retryable) throw error
      return { outcome: 'not_charged', declineCode: String(error.facts.provider_code ?? error.code) }
    }
  }

  /** The card that is charged for whatever has none of its own; the first that was chosen stays. */
  async function chooseCard(topUp: TopUpRow, providerCustomerId: string): Promise<string | undefined> {
    if (topUp.paymentMethodId !== null) return topUp.paymentMethodId
    const [card] = await provider.listPaymentMethods({ providerCustomerId })
    if (!card) return undefined
    const { projectId, customerId } = topUp
    return inProject(database, projectId, async (transaction) => {
      await holdKnownWallet(transaction, { projectId, customerId })
      const { paymentMethodId } = await readTopUp(transaction, topUp)
      if (paymentMethodId !== null) return paymentMethodId
      await updateTopUp(transaction, topUp, { paymentMethodId: card.paymentMethodId })
      return card.paymentMethodId
    })
  }

  function end({ projectId, paymentId }: TopUpInput, charged: Charged): Promise<TopUpRow['status']> {
    return inProject(database, projectId, async (transaction) => {
      const payment = await lockPayment(transaction, projectId, paymentId)
      const topUp = await readTopUp(transaction, { projectId, paymentId })
      if (topUp.endedAt !== null) return topUp.status
      const held = await holdKnownWallet(transaction, topUp)
      const isPaid = charged.outcome === 'succeeded'
      const status = isPaid ? 'succeeded' : 'declined'
      const snapshot = snapshotOf(payment, charged.outcome === 'not_charged' ? undefined : charged)
      const { attempts, stripePaymentIntentId } = snapshot
      await savePaymentAttempts(transaction, payment, attempts)
      await ownStripeObjects(transaction, { projectId, ownerId: paymentId, livemode: payment.livemode }, [
        stripePaymentIntentId,
        ...attempts.map(({ stripeChargeId }) => stripeChargeId),
      ])
      await recordOutcome(transaction, {
        payment,
        snapshot,
        outcome: isPaid ? 'payment_succeeded' : 'payment_failed',
        status: isPaid ? 'succeeded' : 'failed',
        at: held.at,
        why: isPaid ? 'The saved card paid for the top-up.' : 'The saved card did not pay for the top-up.',
        isTopUp: true,
      })
      const failureCode = isPaid ? null : (charged.declineCode ?? 'card_declined')
      await updateTopUp(transaction, topUp, { status, failureCode, endedAt: held.at })
      if (failureCode !== null) await stop(held, { topUp, payment, failureCode, reason: wordsOf(charged) })
      return status
    })
  }
}

/** The charge as a look at a payment page would show it. */
function snapshotOf(payment: PaymentRow, charge: CardCharge | undefined): CheckoutSnapshot {
  const isPaid = charge?.outcome === 'succeeded'
  return {
    session: 'complete',
    payment: isPaid ? 'paid' : 'unpaid',
    settlement: isPaid ? 'none' : 'failed',
    total: money(payment.amount, currency(payment.currency)),
    attempts: charge?.attempts ?? [],
    ...(charge && { stripePaymentIntentId: charge.stripePaymentIntentId }),
  }
}

/** What an operator has left out: the wallet buys nothing more until somebody sets it anew, because it may have been charged. */
export function createSkipTopUp({ database }: Pick<ActivityDependencies, 'database'>) {
  return function skipTopUp({ projectId, paymentId }: TopUpInput): Promise<TopUpRow['status']> {
    return inProject(database, projectId, async (transaction) => {
      const payment = (await findPayment(transaction, projectId, paymentId))
        ? await lockPayment(transaction, projectId, paymentId)
        : undefined
      const { customerId } = await readTopUp(transaction, { projectId, paymentId })
      const held = await holdKnownWallet(transaction, { projectId, customerId })
      const topUp = await readTopUp(transaction, { projectId, paymentId })
      if (topUp.endedAt !== null) return topUp.status
      if (payment)
        await recordOutcome(transaction, {
          payment,
          snapshot: snapshotOf(payment, undefined),
          outcome: 'payment_failed',
          status: 'failed',
          at: held.at,
          why: 'An operator went on without the charge.',
        })
      await updateTopUp(transaction, topUp, { status: 'skipped', endedAt: held.at })
      await updateWallet(transaction, held.wallet, { topUpStopped: 'skipped_by_operator' })
      return 'skipped'
    })
  }
}

/** Accepts the payment, unless the top-up is not needed any more or is not wanted. */
async function begin(
  transaction: Transaction,
  { projectId, paymentId }: TopUpInput,
): Promise<{ topUp: TopUpRow; customer: CustomerRow }> {
  const known = await readTopUp(transaction, { projectId, paymentId })
  // The customer before the wallet, as in whatever else needs both.
  const customer = await lockCustomer(transaction, projectId, known.customerId)
  const held = await holdKnownWallet(transaction, known)
  const topUp = await readTopUp(transaction, known)
  if (topUp.endedAt !== null || topUp.status === 'charging') return { topUp, customer }
  const { wallet, at } = held
  const isWanted = wallet.topUpProductId === topUp.productId && wallet.topUpStopped === null
  if (!isWanted || wallet.lockedAt !== null || wallet.balance >= topUp.wantedBalance) {
    await updateTopUp(transaction, topUp, { status: 'skipped', endedAt: at })
    return { topUp: await readTopUp(transaction, topUp), customer }
  }
  const product = await findProduct(transaction, projectId, topUp.productId)
  if (!product) throw new Error(`product ${topUp.productId} is missing`)
  await acceptPayment(transaction, {
    projectId,
    paymentId,
    subscriptionId: undefined,
    userId: wallet.userId,
    email: undefined,
    livemode: wallet.livemode,
    purchase: { kind: 'product', product: toProduct(product), quantity: 1 },
    successUrl: '',
    cancelUrl: '',
    metadata: {},
    clockId: undefined,
    correlationId: topUp.correlationId,
    actor: 'quittance',
    why: 'The wallet ran low and buys credits by itself.',
    startDueAt: NEVER,
  })
  await updateTopUp(transaction, topUp, { status: 'charging' })
  return { topUp, customer }
}

interface Stopping {
  topUp: TopUpRow
  payment: PaymentRow
  failureCode: string
  /** For the customer. */
  reason: string
}

const wordsOf = (charged: Charged): string =>
  charged.outcome === 'not_charged'
    ? 'There is no saved card that could be charged.'
    : explainDecline(charged.declineCode)

/** A declined card is not charged again and again: the wallet buys nothing more until somebody sets it anew or pays by hand. */
async function stop(
  { transaction, wallet, at }: HeldWallet,
  { topUp, payment, failureCode, reason }: Stopping,
): Promise<void> {
  const { projectId, paymentId, productId, correlationId } = topUp
  await updateWallet(transaction, wallet, { topUpStopped: failureCode })
  const { userId } = wallet
  const intent = `${paymentId}/top-up-failed`
  const about = { user_id: userId, payment_id: paymentId, product_id: productId }
  const events: EventDraft[] = [
    { type: 'credits.top_up_failed', subject: userId, data: { ...about, failure_code: failureCode } },
    {
      type: 'notice.top_up_failed',
      subject: paymentId,
      data: {
        kind: 'top_up_failed',
        ...about,
        product_name: payment.description ?? productId,
        amount: payment.amount,
        currency: payment.currency,
        reason,
      },
    },
  ]
  await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: at }, events)
  const customer = await readCustomer(transaction, projectId, wallet.customerId)
  await addNotices(transaction, { projectId, customer, intent, events })
}
