import type { Account } from '../account.ts'
import type { Invoice } from '../objects/invoice.ts'

export const retryInvoiceJob = 'retry_invoice'

/** What Stripe does not bring forward by itself has no plan either. */
export const notByItself = {
  auto_advance: false,
  automatically_finalizes_at: null,
  next_payment_attempt: null,
} as const

const day = 24 * 60 * 60
const hour = 60 * 60

/** Plans Stripe's own next attempt at an invoice after one that failed, by the account's settings. Attempts that a
 *  caller makes in between do not move the plan (https://docs.stripe.com/api/invoices/object, `attempt_count`).
 *  @returns what changes of the invoice */
export function planRetry(account: Account, invoice: Invoice): Partial<Invoice> {
  const now = account.nowOf(invoice.customer)
  const first = invoice.hidden.firstFailedAt ?? now
  const days = account.settings.retry_days[Math.max(invoice.attempt_count, 1) - 1]
  const retries = invoice.auto_advance && invoice.collection_method === 'charge_automatically'
  const hidden = { ...invoice.hidden, firstFailedAt: first }
  if (!retries || days === undefined) return { hidden, next_payment_attempt: null }
  const planned = first + days * day
  const at = planned > now ? planned : now + hour
  account.agenda.plan(retryInvoiceJob, invoice.id, at, invoice.test_clock)
  return { hidden, next_payment_attempt: at }
}

/** Stops Stripe's own collection of all that a subscription has left unpaid, as a cancellation does
 *  (https://docs.stripe.com/billing/subscriptions/cancel). Whoever wants the money may still ask for it. */
export function stopCollecting(account: Account, subscription: string): void {
  for (const invoice of account.invoices.where('subscription', subscription)) {
    if ((invoice.status !== 'open' && invoice.status !== 'draft') || !invoice.auto_advance) continue
    const previous = account.invoices.change(invoice, notByItself)
    account.emit('invoice.updated', invoice, previous)
  }
}
