import type { Account } from '../account.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { PendingChange, Subscription } from '../objects/subscription.ts'
import { present } from '../present.ts'
import { applyPlan, type PlannedChange } from './planning-change.ts'

/**
 * A change asked for with `payment_behavior=pending_if_incomplete` counts once its invoice is paid. Until then the
 * subscription goes on as if nothing had been asked
 * (https://docs.stripe.com/billing/subscriptions/pending-updates).
 */
export const expirePendingUpdateJob = 'expire_pending_update'

const hour = 60 * 60
/** What is resumed by a payment alone waits a year for it (https://docs.stripe.com/billing/subscriptions/pause). */
const waitSeconds = { payment_success: 365 * 24 * hour, payment_attempt: 23 * hour }

/** Lets a change wait for its invoice: 23 hours, but not beyond the trial or the period that runs. The caller tells the world. */
export function keepPendingUpdate(
  account: Account,
  subscription: Subscription,
  { fields, items }: PlannedChange,
  invoice: Invoice,
  resumesOn: PendingChange['resumesOn'] = null,
): void {
  const { billing_cycle_anchor: anchor, status, trial_end: trialEnd } = fields
  // The period of a paused subscription is over already.
  const ends = resumesOn
    ? []
    : account.subscriptionItems.where('subscription', subscription.id).map((item) => item.current_period_end)
  const latest = account.now(subscription) + waitSeconds[resumesOn ?? 'payment_attempt']
  const expiresAt = Math.min(latest, ...ends)
  account.subscriptions.change(subscription, {
    hidden: {
      ...subscription.hidden,
      pendingChange: {
        invoice: invoice.id,
        expiresAt,
        resumesOn,
        fields: {
          ...(anchor !== undefined && { billing_cycle_anchor: anchor }),
          ...(status !== undefined && { status }),
          ...(trialEnd !== undefined && { trial_end: trialEnd }),
        },
        items,
      },
    },
  })
  account.agenda.plan(expirePendingUpdateJob, subscription.id, expiresAt, subscription.test_clock)
}

/** The payment that a change waited for has come, or the attempt that resumes a subscription.
 *  @returns whether the invoice was that of a pending change, and this made it count. */
export function applyPendingUpdate(account: Account, subscription: Subscription, invoice: Invoice): boolean {
  const { pendingChange } = subscription.hidden
  if (!pendingChange || !waitsFor(subscription, invoice)) return false
  const { fields, items, resumesOn } = pendingChange
  const failed = invoice.status === 'open' && resumesOn === 'payment_attempt'
  // Stripe also resumes what waits for an invoice that is written off.
  const writtenOff = invoice.status === 'uncollectible' && resumesOn !== null
  if (invoice.status !== 'paid' && !writtenOff && !failed) return false
  const before = present(account, subscription)
  forget(account, subscription)
  applyPlan(account, subscription, { fields: { ...fields, ...(failed && { status: 'past_due' }) }, items })
  account.emit('customer.subscription.pending_update_applied', subscription)
  account.emit('customer.subscription.updated', subscription, before)
  if (resumesOn) account.emit('customer.subscription.resumed', subscription)
  return true
}

/** The invoice of a pending change can no longer be paid: the change is dropped.
 *  @returns whether the invoice was that of a pending change. */
export function dropPendingUpdate(account: Account, subscription: Subscription, invoice: Invoice): boolean {
  if (!waitsFor(subscription, invoice)) return false
  const before = present(account, subscription)
  forget(account, subscription)
  account.emit('customer.subscription.updated', subscription, before)
  return true
}

export const waitsFor = (subscription: Subscription, invoice: Invoice): boolean =>
  subscription.hidden.pendingChange?.invoice === invoice.id

function forget(account: Account, subscription: Subscription): void {
  account.agenda.cancel(expirePendingUpdateJob, subscription.id)
  account.subscriptions.change(subscription, { hidden: { ...subscription.hidden, pendingChange: null } })
}
