import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import type { Subscription } from '../objects/subscription.ts'
import { present } from '../present.ts'
import { collectNow, draftUpdateInvoice, recordProrations } from './billing-changes.ts'
import { cardOf, discardPendingUpdate } from './changing-subscription.ts'
import { finalizeInvoice } from './invoicing.ts'
import { noCardToCharge, payInvoice } from './paying-invoices.ts'
import { keepPendingUpdate } from './pending-update.ts'
import { applyPlan, type PlannedChange } from './planning-change.ts'
import { chargeFor, periodAround, unusedTimeOf } from './prorating.ts'
import { planPeriodEnd, renewJob, upcomingInvoiceJob } from './subscription-status.ts'

export interface Pause {
  /** From when the time that was paid for is given back. */
  creditsFrom: 'now' | 'item_current_period_start' | 'none'
  /** What is given back goes to the customer's balance at once, and does not wait for the next invoice. */
  invoicesNow: boolean
}

/** Pauses a subscription: its period ends now, and none begins until it is resumed
 *  (https://docs.stripe.com/billing/subscriptions/pause). */
export function pauseSubscription(account: Account, subscription: Subscription, pause: Pause): void {
  refuseToPause(subscription)
  discardPendingUpdate(account, subscription)
  const before = present(account, subscription)
  const now = account.now(subscription)
  const items = account.subscriptionItems.where('subscription', subscription.id)
  const prorations =
    pause.creditsFrom === 'none' ? [] : unusedTimeOf(account, subscription, pause.creditsFrom)
  for (const item of items) account.subscriptionItems.change(item, { current_period_end: now })
  account.subscriptions.change(subscription, {
    status: 'paused',
    hidden: { ...subscription.hidden, paused: { reason: 'pause_requested', at: now } },
  })
  for (const job of [renewJob, upcomingInvoiceJob]) account.agenda.cancel(job, subscription.id)
  const invoice =
    pause.invoicesNow && prorations.length > 0
      ? draftUpdateInvoice(account, subscription, { fields: {}, items, prorations, restarts: false })
      : undefined
  if (invoice) account.subscriptions.change(subscription, { latest_invoice: invoice.id })
  else recordProrations(account, subscription, prorations)
  account.emit('customer.subscription.updated', subscription, before)
  account.emit('customer.subscription.paused', subscription)
  if (invoice) collectNow(account, invoice)
}

const pausable = new Set(['active', 'past_due', 'unpaid'])

function refuseToPause({ status, schedule, collection_method }: Subscription): void {
  if (schedule)
    throw invalidRequest(
      `You cannot pause a subscription that is attached to a schedule: \`${schedule}\`. Release the schedule first.`,
    )
  if (!pausable.has(status))
    throw invalidRequest(`You cannot pause a subscription with the status \`${status}\`.`)
  if (collection_method !== 'charge_automatically')
    throw invalidRequest(
      'You can only pause subscriptions with `collection_method` set to `charge_automatically`.',
    )
}

export interface Resumption {
  /** A new cycle begins now; otherwise the old one goes on, and what is left of its period is charged for. */
  resetsAnchor: boolean
  prorations: 'create_prorations' | 'always_invoice' | 'none'
  prorationDate?: number | undefined
}

/** Resumes a paused subscription, at once where nothing is to be paid. Otherwise it waits for its invoice, which
 *  is charged now only where nothing but a payment resumes it. */
export function resumeSubscription(
  account: Account,
  subscription: Subscription,
  resumption: Resumption,
  resumesOn: 'payment_success' | 'payment_attempt',
): void {
  if (subscription.status !== 'paused')
    throw invalidRequest(
      `You can only resume a subscription with the status \`paused\`; this one is \`${subscription.status}\`.`,
    )
  const plan = planResumption(account, subscription, resumption)
  if (!plan.billsNow) {
    const before = present(account, subscription)
    recordProrations(account, subscription, plan.prorations)
    applyPlan(account, subscription, plan)
    return announce(account, subscription, before)
  }
  if (resumesOn === 'payment_success' && !cardOf(account, subscription)) throw noCardToCharge()
  discardPendingUpdate(account, subscription)
  const before = present(account, subscription)
  const invoice = draftUpdateInvoice(account, subscription, plan)
  // What any attempt resumes is left to whoever resumes: Stripe makes none by itself.
  account.invoices.change(invoice, { auto_advance: resumesOn === 'payment_success' })
  account.emit('invoice.created', invoice)
  finalizeInvoice(account, invoice)
  if (invoice.status === 'open' && resumesOn === 'payment_success') payInvoice(account, invoice)
  account.subscriptions.change(subscription, { latest_invoice: invoice.id })
  if (invoice.status === 'paid') {
    applyPlan(account, subscription, plan)
    return announce(account, subscription, before)
  }
  keepPendingUpdate(account, subscription, plan, invoice, resumesOn)
  account.emit('customer.subscription.updated', subscription, before)
}

function announce(account: Account, subscription: Subscription, before: object): void {
  planPeriodEnd(account, subscription)
  account.emit('customer.subscription.updated', subscription, before)
  account.emit('customer.subscription.resumed', subscription)
}

/** What a subscription becomes when it is resumed, and what that costs. */
export function planResumption(
  account: Account,
  subscription: Subscription,
  { resetsAnchor, prorations: behavior, prorationDate }: Resumption,
): PlannedChange {
  const now = account.now(subscription)
  const anchor = resetsAnchor ? now : subscription.billing_cycle_anchor
  const resumed = account.subscriptionItems.where('subscription', subscription.id).map((item) => {
    const price = account.prices.must(item.price)
    const period = periodAround(anchor, price, now)
    return { item, price, period }
  })
  const at = prorationDate ?? now
  const prorations =
    resetsAnchor || behavior === 'none'
      ? []
      : resumed.map(({ item, price, period }) => ({
          ...chargeFor(account, { item, price, quantity: item.quantity, deleted: false }, period, at),
          subscriptionItem: item.id,
        }))
  return {
    fields: { status: 'active', ...(resetsAnchor && { billing_cycle_anchor: now }) },
    items: resumed.map(({ item, period }) => ({
      ...item,
      current_period_start: period.start,
      current_period_end: period.end,
    })),
    prorations,
    restarts: resetsAnchor,
    billsNow: resetsAnchor || (behavior === 'always_invoice' && prorations.length > 0),
  }
}
