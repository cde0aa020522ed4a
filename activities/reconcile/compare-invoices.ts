import { casesOf, enteredForInvoices, subscriptionsAtStripe } from '../../db/comparisons.ts'
import type { InvoiceOnBooks } from '../../domain/provider-books.ts'
import type { DifferenceKind, Finding, Value } from '../../domain/reconciliation.ts'
import type { Comparison, ReconcileDependencies } from './dependencies.ts'
import { comparePerProject } from './located.ts'

/** Each invoice of a subscription of ours must be entered when it is paid, and be worked through while it is not. */
export function compareInvoices(
  dependencies: ReconcileDependencies,
  items: InvoiceOnBooks[],
): Promise<Comparison> {
  return comparePerProject(
    dependencies,
    items,
    ({ id, subscriptionId, customerId }) => [subscriptionId, id, customerId],
    async (transaction, projectId, located) => {
      const invoices = located.map(({ item }) => item)
      const invoiceIds = invoices.map(({ id }) => id)
      const stripeSubscriptionIds = invoices
        .map(({ subscriptionId }) => subscriptionId)
        .filter((id) => id !== undefined)
      const rows = await subscriptionsAtStripe(transaction, projectId, stripeSubscriptionIds)
      const cases = await casesOf(transaction, projectId, { invoiceIds, subscriptionIds: [] })
      const entered = await enteredForInvoices(transaction, projectId, invoiceIds)
      return invoices.flatMap((item): Finding[] => {
        const subscription = rows.find(
          ({ stripeSubscriptionId }) => stripeSubscriptionId === item.subscriptionId,
        )
        const found = cases.find(({ invoiceId }) => invoiceId === item.id)
        const [kind, ours, stripes] =
          difference(item, {
            entered: entered.get(item.id),
            dunning: found,
            isRunning: subscription !== undefined && subscription.status !== 'canceled',
          }) ?? []
        if (!kind) return []
        const { claim, subscriptionId } = item
        const paymentId = subscription?.paymentId ?? claim.paymentId
        const ofOurs = subscription?.subscriptionId ?? claim.subscriptionId
        return [
          {
            kind,
            stage: 'invoices',
            projectId,
            ...(subscription && { userId: subscription.userId }),
            ...(ofOurs && { subjectId: ofOurs }),
            stripeId: item.id,
            ...(ours && { ours }),
            ...(stripes && { stripes }),
            ...(subscriptionId && {
              owner: {
                about: item.billingReason === 'subscription_create' ? 'payment' : 'invoice',
                projectId,
                stripeId: item.id,
                stripeSubscriptionId: subscriptionId,
                billingReason: item.billingReason,
                ...(paymentId && { paymentId }),
                ...(ofOurs && { subscriptionId: ofOurs }),
              },
            }),
          },
        ]
      })
    },
  )
}

interface Ours {
  entered: number | undefined
  dunning: { status: string; amountDue: number } | undefined
  isRunning: boolean
}

function difference(
  item: InvoiceOnBooks,
  { entered, dunning, isRunning }: Ours,
): [DifferenceKind, Value | undefined, Value | undefined] | undefined {
  const paid = item.amountPaid.amountMinor
  const due = item.amountDue.amountMinor
  if (item.collectedMinor > Math.max(paid, due))
    return ['invoice_charged_twice', { amount_due: due }, { collected: item.collectedMinor }]
  // Invoices that no subscription of ours has caused are entered by nobody.
  if (item.subscriptionId === undefined) return undefined
  const isWorkedOn = dunning?.status === 'open'
  switch (item.status) {
    case 'paid':
      if (paid > 0 && entered === undefined)
        return ['invoice_paid_unseen', { entered: 0 }, { amount_paid: paid }]
      if (entered !== undefined && entered !== paid)
        return ['invoice_amount_differs', { entered }, { amount_paid: paid }]
      return isWorkedOn ? ['invoice_paid_unseen', { dunning: 'open' }, { amount_paid: paid }] : undefined
    case 'void':
    case 'uncollectible':
      return isWorkedOn ? ['invoice_void_unseen', { dunning: 'open' }, { status: item.status }] : undefined
    case 'open':
      if (isWorkedOn && dunning.amountDue !== due)
        return ['invoice_amount_differs', { amount_due: dunning.amountDue }, { amount_due: due }]
      // The first invoice belongs to the checkout, and what changes a subscription at once may wait for the customer.
      return item.attempted && !dunning && isRunning && item.billingReason === 'subscription_cycle'
        ? ['invoice_unpaid_unseen', undefined, { status: item.status, amount_due: due }]
        : undefined
    default:
      return undefined
  }
}
