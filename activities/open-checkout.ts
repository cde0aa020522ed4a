import { setPrice } from '../db/catalog.ts'
import { inProject } from '../db/client.ts'
import { readCustomer } from '../db/customers.ts'
import { lockPayment, type PaymentRow, readPayment, readPurchase, updatePayment } from '../db/payments.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import { writeAudit } from '../db/audit.ts'
import type { PaymentStatus } from '../domain/checkout.ts'
import type { ClockId, PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import type { OpenedCheckout, PriceRequest } from '../domain/provider.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'
import { withCustomerAtProvider } from './ensure-customer.ts'

export interface OpenCheckoutInput {
  projectId: ProjectId
  paymentId: PaymentId
}

export interface OpenCheckoutResult {
  status: PaymentStatus
  checkoutSessionId: string
  checkoutUrl: string
  /** Milliseconds since 1970. */
  openedAt: number
  expiresAt: number
  subscriptionId?: SubscriptionId
  /** The test clock of the customer. */
  clockId?: ClockId
}

/** Opens the payment page of a payment: customer, price and session at the provider, each once.
 *  Safe to repeat: what an earlier run stored is found in the rows, what it only did is found at the provider. */
export function createOpenCheckout(dependencies: ActivityDependencies) {
  const { database, provider, now } = dependencies
  return async function openCheckout({
    projectId,
    paymentId,
  }: OpenCheckoutInput): Promise<OpenCheckoutResult> {
    const { payment, customer, purchase, stripePriceId } = await inProject(
      database,
      projectId,
      async (transaction) => {
        const payment = await readPayment(transaction, projectId, paymentId)
        const [customer, purchase] = await Promise.all([
          readCustomer(transaction, projectId, payment.customerId),
          readPurchase(transaction, payment),
        ])
        return { payment, customer, ...purchase }
      },
    )
    const opened = resultOf(payment, customer.clockId)
    if (opened) return opened

    const providerPriceId =
      stripePriceId ??
      (purchase.kind === 'amount'
        ? undefined
        : await ensurePrice(dependencies, {
            projectId,
            item:
              purchase.kind === 'plan'
                ? { kind: 'plan', plan: purchase.plan }
                : { kind: 'product', product: purchase.product },
          }))
    const session = await withCustomerAtProvider(dependencies, customer, (providerCustomerId) =>
      runEffect({
        database,
        effect: { projectId, intent: `${paymentId}/create-session` },
        now: now(),
        lookUp: () => provider.findCheckout({ paymentId, providerCustomerId }),
        call: (effectKey) =>
          provider.openCheckout(
            {
              projectId,
              paymentId,
              subscriptionId: payment.subscriptionId ?? undefined,
              providerCustomerId,
              purchase,
              providerPriceId,
              successUrl: payment.successUrl,
              cancelUrl: payment.cancelUrl,
            },
            effectKey,
          ),
      }),
    )
    return recordSession(session, payment, customer.clockId, now())
  }

  function recordSession(
    session: OpenedCheckout,
    { projectId, paymentId }: PaymentRow,
    clockId: ClockId | null,
    openedAt: Date,
  ) {
    return inProject(database, projectId, async (transaction): Promise<OpenCheckoutResult> => {
      const payment = await lockPayment(transaction, projectId, paymentId)
      // Another run was quicker, and what was stored first stays.
      const recorded = resultOf(payment, clockId)
      if (recorded) return recorded

      const updated = await updatePayment(transaction, payment, {
        stripeCheckoutSessionId: session.sessionId,
        checkoutUrl: session.url,
        sessionOpenedAt: openedAt,
        sessionExpiresAt: new Date(session.expiresAt),
      })
      await ownStripeObjects(transaction, { projectId, ownerId: paymentId, livemode: payment.livemode }, [
        session.sessionId,
      ])
      await writeAudit(transaction, {
        projectId,
        actor: 'quittance',
        action: 'payment.session_opened',
        subjectId: paymentId,
        why: 'The payment page was opened at Stripe.',
        correlationId: payment.correlationId,
        stripeIds: [session.sessionId],
        occurredAt: openedAt,
      })
      const opened = resultOf(updated, clockId)
      if (!opened) throw new Error(`payment ${paymentId} has no session after it was recorded`)
      return opened
    })
  }
}

/** The price of a plan version or a product at the provider, made if it is not there. */
export async function ensurePrice(
  { database, provider, now }: ActivityDependencies,
  request: PriceRequest,
): Promise<string> {
  const { projectId, item } = request
  const what =
    item.kind === 'plan' ? `plan/${item.plan.id}/${item.plan.version}` : `product/${item.product.id}`
  const price = await runEffect({
    database,
    effect: { projectId, intent: `${projectId}/${what}/create-price` },
    now: now(),
    lookUp: () => provider.findPrice(request),
    call: (effectKey) => provider.createPrice(request, effectKey),
  })
  await inProject(database, projectId, (transaction) => setPrice(transaction, projectId, item, price))
  return price.priceId
}

function resultOf(payment: PaymentRow, clockId: ClockId | null): OpenCheckoutResult | undefined {
  const { stripeCheckoutSessionId, sessionOpenedAt, sessionExpiresAt, subscriptionId } = payment
  if (stripeCheckoutSessionId === null || sessionOpenedAt === null || sessionExpiresAt === null)
    return undefined
  return {
    status: payment.status,
    checkoutSessionId: stripeCheckoutSessionId,
    checkoutUrl: payment.checkoutUrl ?? '',
    openedAt: sessionOpenedAt.getTime(),
    expiresAt: sessionExpiresAt.getTime(),
    ...(subscriptionId !== null && { subscriptionId }),
    ...(clockId !== null && { clockId }),
  }
}
