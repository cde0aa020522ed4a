import { explainedSources, paymentsAtStripe } from '../../db/comparisons.ts'
import { isId } from '../../domain/ids.ts'
import type { ChargeOnBooks } from '../../domain/provider-books.ts'
import type { Finding } from '../../domain/reconciliation.ts'
import type { Comparison, ReconcileDependencies } from './dependencies.ts'
import { comparePerProject, type Located } from './located.ts'

/** Each charge that went through must be a payment or an invoice of ours, once, with the amount that was entered. */
export function compareCharges(
  dependencies: ReconcileDependencies,
  items: ChargeOnBooks[],
): Promise<Comparison> {
  return comparePerProject(
    dependencies,
    items.filter(({ hasSucceeded }) => hasSucceeded),
    ({ id, paymentIntentId, customerId }) => [id, paymentIntentId, customerId],
    async (transaction, projectId, located) => {
      const payments = await paymentsAtStripe(transaction, projectId, {
        paymentIds: located.map(claimedPayment).filter((id) => id !== undefined),
        paymentIntentIds: located.map(({ item }) => item.paymentIntentId).filter((id) => id !== undefined),
      })
      const changes = await explainedSources(
        transaction,
        projectId,
        located.map(({ item }) => item.id),
      )
      const explained = new Set(
        changes.filter(({ state }) => state === 'explained').map(({ sourceId }) => sourceId),
      )
      return located.flatMap((one): Finding[] => {
        const { item } = one
        const about = {
          stage: 'charges',
          projectId,
          stripeId: item.id,
          stripes: { amount: item.captured.amountMinor, currency: item.captured.currency },
        } as const
        const byIntent = payments.find(
          ({ stripePaymentIntentId }) => stripePaymentIntentId === item.paymentIntentId,
        )
        const payment = byIntent ?? payments.find(({ paymentId }) => paymentId === claimedPayment(one))
        // Of a renewal: the invoice says which, and its money was entered when the change of the balance is explained.
        if (!payment) return explained.has(item.id) ? [] : [{ ...about, kind: 'charge_without_payment' }]
        const { paymentId, subscriptionId, userId, amountReceived, status } = payment
        const ofPayment = { ...about, userId, subjectId: paymentId, ours: { status, amount: amountReceived } }
        if (status === 'pending' || status === 'failed' || status === 'expired')
          return [
            {
              ...ofPayment,
              kind: 'charge_without_payment',
              owner: {
                about: 'payment',
                projectId,
                paymentId,
                stripeId: payment.stripeCheckoutSessionId ?? item.id,
                ...(subscriptionId !== null && { subscriptionId }),
              },
            },
          ]
        if (!byIntent && payment.stripePaymentIntentId !== null)
          return [{ ...ofPayment, kind: 'payment_charged_twice' }]
        return amountReceived === item.captured.amountMinor
          ? []
          : [{ ...ofPayment, kind: 'payment_amount_differs' }]
      })
    },
  )
}

function claimedPayment({ item, ownerId }: Located<ChargeOnBooks>) {
  if (item.claim.paymentId) return item.claim.paymentId
  return ownerId !== undefined && isId('pay', ownerId) ? ownerId : undefined
}
