import type { Account } from '../account.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { Subscription } from '../objects/subscription.ts'
import { present } from '../present.ts'
import { applyPlan, type PlannedChange } from './planning-change.ts'

/**
 * A change asked for with `payment_behavior=pending_if_incomplete` counts once its invoice is paid. Until then the
 * subscription goes on as if nothing had been asked
 * (https://docs.stripe.com/billing/subscriptions/pending-updates).
 */
export const expirePendingUpdateJob = 'expire_pending_update'

const pendingSeconds = 23 * 60 * 60

/** Lets a change wait for its invoice: 23 hours, but not beyond the trial or the period that runs. The caller tells the world. */
export function keepPendingUpdate(
  account: Account,
  subscription: Subscription,
  { fields, items }: PlannedChange,
  invoice: Invoice,
): void {
  const { billing_cycle_anchor: anchor, status, trial_end: trialEnd } = fields
  const ends = account.subscriptionItems
    .where('subscription', subscription.id)
    .map((item) => item.current_period_end)
  const expiresAt = Math.min(account.now(subscription) + pendingSeconds, ...ends)
  account.subscriptions.change(subscription, {
    hidden: {
      ...subscription.hidden,
      pendingChange: {
        invoice: invoice.id,
        expiresAt,
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

/** The payment that a change waited for has come.
 *  @returns whether the invoice was that of a pending change. */
export function applyPendingUpdate(account: Account, subscription: Subscription, invoice: Invoice): boolean {
  const { pendingChange } = subscription.hidden
  if (pendingChange?.invoice !== invoice.id || invoice.status !== 'paid') return false
  const before = present(account, subscription)
  forget(account, subscription)
  applyPlan(account, subscription, pendingChange)
  account.emit('customer.subscription.pending_update_applied', subscription)
  account.emit('customer.subscription.updated', subscription, before)
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
