import type { Account } from '../account.ts'
import { StripeError } from '../http/errors.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { PaymentIntent } from '../objects/payment-intent.ts'
import { formatAmount } from '../objects/shared.ts'
import { intentOf } from '../processes/invoicing.ts'
import { payInvoice } from '../processes/paying-invoices.ts'
import { cardForm, readCard, type Problem } from './card-form.ts'
import { html } from './html.ts'
import { notice, page, redirect, type Page } from './layout.ts'

/** The hosted page of an invoice, where it can be paid while it is open. */
export function showInvoice(account: Account, invoice: Invoice, problem?: Problem, status = 200): Page {
  const intent = intentOf(account, invoice)
  const amount = formatAmount(invoice.amount_due, invoice.currency)
  if (invoice.status === 'paid')
    return notice(200, 'Invoice paid', `Invoice ${invoice.number ?? ''} over ${amount} is paid.`)
  if (invoice.status !== 'open')
    return notice(200, 'Nothing to pay', `This invoice cannot be paid: it is ${invoice.status}.`)
  return page(
    status,
    `Invoice ${invoice.number ?? ''}`,
    html`<div class="checkout">
      <header class="summary">
        <div class="column">
          <p class="merchant"><span class="badge">Test mode</span></p>
          <h1>
            <span class="purpose">Invoice ${invoice.number}</span>
            <span class="total">${amount}</span>
          </h1>
          <ul class="lines">
            ${invoice.lines.map(
              (line) =>
                html`<li>
                  <span><strong>${line.description}</strong></span>
                  <span class="amount">${formatAmount(line.amount, line.currency)}</span>
                </li>`,
            )}
          </ul>
        </div>
      </header>
      <main class="payment">
        <div class="column">
          ${
            intent?.status === 'requires_action' &&
            html`<p class="bank">
              <a class="button" href="/authenticate/${intent.id}">Confirm with your bank</a>
            </p>`
          }
          <h2>${intent?.status === 'requires_action' ? 'Or pay with another card' : 'Pay with card'}</h2>
          ${cardForm({
            action: `/i/${invoice.id}`,
            button: `Pay ${amount}`,
            askForEmail: false,
            askForCard: true,
            typed: { email: '', name: invoice.customer_name ?? '' },
            problem: problem ?? lastProblem(intent),
          })}
        </div>
      </main>
    </div>`,
  )
}

/** Who comes to the page after a failed payment is told why they were asked to. */
const lastProblem = (intent: PaymentIntent | undefined): Problem | undefined =>
  intent?.status === 'requires_payment_method' && intent.last_payment_error
    ? { message: intent.last_payment_error.message }
    : undefined

export function submitInvoice(account: Account, invoice: Invoice, fields: URLSearchParams): Page {
  const intent = intentOf(account, invoice)
  if (invoice.status !== 'open' || !intent) return showInvoice(account, invoice)
  const card = readCard(account, fields, invoice.customer_email)
  if ('message' in card) return showInvoice(account, invoice, card, 400)
  try {
    const outcome = payInvoice(account, invoice, { method: card, returnUrl: invoice.hosted_invoice_url })
    if (outcome.kind === 'requires_action') return redirect(`/authenticate/${intent.id}`)
    if (outcome.kind === 'declined') throw outcome.error
    return redirect(`/i/${invoice.id}`)
  } catch (error) {
    if (!(error instanceof StripeError)) throw error
    return showInvoice(account, invoice, { message: error.message }, error.status)
  }
}
