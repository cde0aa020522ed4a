import type { Account } from '../account.ts'
import type { CheckoutSession } from '../objects/checkout-session.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { PaymentIntent } from '../objects/payment-intent.ts'
import { oneTimeLine } from './invoice-items.ts'
import { draftInvoice, finalizePaidInvoice, setLines } from './invoicing.ts'

/** The invoice that a session was to create once it is paid
 *  (https://docs.stripe.com/receipts?payment-ui=checkout#paid-invoices). */
export function invoicePaidSession(
  account: Account,
  session: CheckoutSession,
  intent: PaymentIntent,
): Invoice | undefined {
  const { invoice: wanted, lines } = session.hidden.plans
  const customer = account.customers.get(intent.customer ?? '')
  if (!wanted || !customer) return undefined
  const invoice = draftInvoice(account, {
    customer,
    currency: intent.currency,
    billingReason: 'manual',
    description: wanted.description,
    footer: wanted.footer,
    metadata: wanted.metadata,
  })
  const priced = lines.map((line) => ({ ...line, price: account.prices.must(line.price) }))
  setLines(
    account,
    invoice,
    priced.map((line) => oneTimeLine(account, invoice, line)),
  )
  account.emit('invoice.created', invoice)
  finalizePaidInvoice(account, invoice, intent)
  return invoice
}
