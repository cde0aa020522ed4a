import type { Account } from '../account.ts'
import type { Invoice } from '../objects/invoice.ts'
import { newInvoiceItem } from '../objects/invoice-item.ts'
import { invoiceItemLine, type LineItem } from '../objects/line-item.ts'
import type { Subscription } from '../objects/subscription.ts'
import { draftInvoice, finalizeInvoice, setLines } from './invoicing.ts'
import { cardFor, payInvoice } from './paying-invoices.ts'
import type { PlannedChange } from './planning-change.ts'
import type { ItemProration } from './prorating.ts'
import { fullPeriodLine } from './subscription-lines.ts'
import { followFailedInvoice } from './subscription-status.ts'

/** Keeps what a change costs, or gives back, for the next invoice. */
export function recordProrations(
  account: Account,
  subscription: Subscription,
  prorations: ItemProration[],
): void {
  for (const proration of prorations) {
    const recorded = account.invoiceItems.insert(
      newInvoiceItem({
        now: account.now(subscription),
        customer: subscription.customer,
        amount: proration.amount,
        quantity: proration.quantity,
        unitAmountDecimal: null,
        currency: subscription.currency,
        description: proration.description,
        price: proration.price.id,
        product: proration.price.product,
        invoice: null,
        subscription: subscription.id,
        proration: {
          subscriptionItem: proration.subscriptionItem,
          creditedItems: proration.creditedItems,
        },
        discountable: false,
        discounts: [],
        metadata: {},
        period: proration.period,
        testClock: subscription.test_clock,
      }),
    )
    account.emit('invoiceitem.created', recorded)
  }
}

/** The invoice of a change: what waited to be billed, and the new periods where the cycle begins anew. */
export function draftUpdateInvoice(
  account: Account,
  subscription: Subscription,
  {
    fields,
    items,
    prorations,
    restarts,
  }: Pick<PlannedChange, 'fields' | 'items' | 'prorations' | 'restarts'>,
): Invoice {
  recordProrations(account, subscription, prorations)
  const customer = account.customers.must(subscription.customer)
  const now = account.now(customer)
  const invoice = draftInvoice(account, {
    customer,
    currency: subscription.currency,
    billingReason: 'subscription_update',
    // What fails is tried again by the account's own plan, as a renewal is.
    autoAdvance: subscription.collection_method === 'charge_automatically',
    collectionMethod: subscription.collection_method,
    subscription: { id: subscription.id, metadata: subscription.metadata },
    period: { start: Math.min(now, ...items.map((item) => item.current_period_start)), end: now },
  })
  const waiting = account.invoiceItems
    .where('customer', customer.id)
    .filter(
      (item) => item.invoice === null && item.parent?.subscription_details.subscription === subscription.id,
    )
  for (const item of waiting) account.invoiceItems.change(item, { invoice: invoice.id })
  const lines: LineItem[] = waiting.map((item) => invoiceItemLine(item, invoice.id))
  const after = { ...subscription, ...fields }
  if (restarts) lines.push(...items.map((item) => fullPeriodLine(account, invoice, after, item)))
  setLines(account, invoice, lines)
  return invoice
}

/** Finalizes the invoice of a change without the hour that others wait, and charges the card by default if there is one. */
export function collectNow(account: Account, invoice: Invoice): void {
  account.emit('invoice.created', invoice)
  finalizeInvoice(account, invoice)
  const charges = invoice.status === 'open' && invoice.collection_method === 'charge_automatically'
  if (!charges || !cardFor(account, invoice)) return
  const { kind } = payInvoice(account, invoice)
  // Until the customer has authenticated, the subscription is behind like one whose card was declined.
  if (kind === 'requires_action') followFailedInvoice(account, invoice)
}
