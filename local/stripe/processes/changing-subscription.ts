import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { PaymentMethod } from '../objects/payment-method.ts'
import { previousAttributes } from '../objects/previous-attributes.ts'
import type { Subscription } from '../objects/subscription.ts'
import { present } from '../present.ts'
import { collectNow, draftUpdateInvoice, recordProrations } from './billing-changes.ts'
import { dueAfterBalance, voidInvoice } from './invoicing.ts'
import { noCardToCharge } from './paying-invoices.ts'
import { keepPendingUpdate } from './pending-update.ts'
import { applyPlan, planChange, type PlannedChange, type SubscriptionChange } from './planning-change.ts'
import { defaultCardOf, refuseBadCard } from './subscribing.ts'
import { planCancellation, planPeriodEnd } from './subscription-status.ts'

/** What becomes of a change whose payment does not go through: it holds all the same, it is refused, or it waits. */
export type WhenUnpaid = 'change_anyway' | 'refuse' | 'wait'

export function changeSubscription(
  account: Account,
  subscription: Subscription,
  change: SubscriptionChange,
  whenUnpaid: WhenUnpaid,
): void {
  const plan = planChange(account, subscription, change)
  if (plan.billsNow && whenUnpaid === 'refuse') refuseUnpaid(account, subscription, plan)
  if (plan.billsNow && whenUnpaid === 'wait') changeOncePaid(account, subscription, plan)
  else changeNow(account, subscription, change, plan)
}

function changeNow(
  account: Account,
  subscription: Subscription,
  change: SubscriptionChange,
  plan: PlannedChange,
): void {
  // What waits for its payment was worked out for the items as they are now.
  if (plan.billsNow || change.items.length > 0) discardPendingUpdate(account, subscription)
  const before = present(account, subscription)
  const invoice = writeChange(account, subscription, change, plan)
  if (Object.keys(previousAttributes(before, present(account, subscription))).length > 0)
    account.emit('customer.subscription.updated', subscription, before)
  if (invoice) collectNow(account, invoice)
}

/** Makes the change with what it costs or gives back.
 *  @returns the draft of its invoice, if it makes one. */
export function writeChange(
  account: Account,
  subscription: Subscription,
  change: SubscriptionChange,
  plan: PlannedChange,
): Invoice | undefined {
  applyPlan(account, subscription, plan)
  planPeriodEnd(account, subscription)
  if (change.cancelAt !== undefined) planCancellation(account, subscription, change.cancelAt)
  if (!plan.billsNow) {
    recordProrations(account, subscription, plan.prorations)
    return undefined
  }
  const invoice = draftUpdateInvoice(account, subscription, plan)
  account.subscriptions.change(subscription, { latest_invoice: invoice.id })
  return invoice
}

/** Bills a change, and makes it when that is paid: at once, or later as a pending update. */
function changeOncePaid(account: Account, subscription: Subscription, plan: PlannedChange): void {
  if (subscription.collection_method !== 'charge_automatically')
    throw invalidRequest(
      '`payment_behavior=pending_if_incomplete` is only supported for subscriptions with `collection_method=charge_automatically`.',
      { param: 'payment_behavior' },
    )
  const due = dueForChange(account, subscription, plan)
  if (due > 0 && !cardOf(account, subscription)) throw noCardToCharge()
  discardPendingUpdate(account, subscription)
  const invoice = draftUpdateInvoice(account, subscription, plan)
  collectNow(account, invoice)
  const before = present(account, subscription)
  account.subscriptions.change(subscription, { latest_invoice: invoice.id })
  if (invoice.status === 'paid') applyPaidPlan(account, subscription, plan)
  else keepPendingUpdate(account, subscription, plan, invoice)
  planPeriodEnd(account, subscription)
  account.emit('customer.subscription.updated', subscription, before)
}

/** The paid invoice is now the latest, and only by its latest is a subscription behind. */
function applyPaidPlan(account: Account, subscription: Subscription, { fields, items }: PlannedChange): void {
  const behind = subscription.status === 'past_due' || subscription.status === 'unpaid'
  applyPlan(account, subscription, { fields: { ...(behind && { status: 'active' }), ...fields }, items })
}

/** Nothing changes when the payment that it needs would not go through. */
function refuseUnpaid(account: Account, subscription: Subscription, plan: PlannedChange): void {
  if (dueForChange(account, subscription, plan) === 0) return
  const card = cardOf(account, subscription)
  if (!card) throw noCardToCharge()
  refuseBadCard(card)
}

export const cardOf = (account: Account, subscription: Subscription): PaymentMethod | undefined =>
  account.paymentMethods.get(subscription.default_payment_method ?? '') ??
  defaultCardOf(account, account.customers.must(subscription.customer))

const dueForChange = (account: Account, subscription: Subscription, plan: PlannedChange): number =>
  account.rehearse(() => {
    const { total } = draftUpdateInvoice(account, subscription, plan)
    return dueAfterBalance(total, account.customers.must(subscription.customer))
  })

/** Gives up what waits for its payment, with the invoice. */
export function discardPendingUpdate(account: Account, subscription: Subscription): void {
  const invoice = account.invoices.get(subscription.hidden.pendingChange?.invoice ?? '')
  if (invoice) voidInvoice(account, invoice)
}

/** Nobody paid for the change in time. */
export function expirePendingUpdate(account: Account, id: string): void {
  const subscription = account.subscriptions.get(id)
  if (!subscription?.hidden.pendingChange) return
  discardPendingUpdate(account, subscription)
  account.emit('customer.subscription.pending_update_expired', subscription)
}
