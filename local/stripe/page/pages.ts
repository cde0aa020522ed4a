import type { Account } from '../account.ts'
import { formatAmount } from '../objects/shared.ts'
import { showAuthentication, submitAuthentication } from './authentication-page.ts'
import { showCheckout, submitPage } from './checkout-page.ts'
import { showInvoice, submitInvoice } from './invoice-page.ts'
import { notice, type Page } from './layout.ts'

/** Answers a browser: the checkout page, the bank's 3-D Secure page, invoices and receipts. */
export function hostedPage(account: Account, method: string, path: string, body: string): Page {
  const id = path.split('/').at(path.startsWith('/c/pay/') ? 3 : 2) ?? ''
  const fields = new URLSearchParams(body)
  const posted = method === 'POST'
  if (path.startsWith('/c/pay/')) {
    const session = account.checkoutSessions.get(id)
    if (session) return posted ? submitPage(account, session, fields) : showCheckout(account, session)
  }
  if (path.startsWith('/authenticate/')) {
    const intent = account.paymentIntents.get(id) ?? account.setupIntents.get(id)
    if (intent)
      return posted ? submitAuthentication(account, intent, fields) : showAuthentication(account, intent)
  }
  if (path.startsWith('/i/')) {
    const invoice = account.invoices.get(id)
    if (invoice) return posted ? submitInvoice(account, invoice, fields) : showInvoice(account, invoice)
  }
  if (path.startsWith('/receipts/')) {
    const charge = account.charges.get(id)
    if (charge)
      return notice(
        200,
        'Receipt',
        `${formatAmount(charge.amount, charge.currency)} paid by card ending in ${charge.payment_method_details.card.last4}.`,
      )
  }
  if (path === '/')
    return notice(
      200,
      'Local Stripe',
      'It serves Stripe’s API at /v1 for any secret key that begins with sk_test_.',
    )
  return notice(404, 'Page not found', 'There is nothing at this address.')
}
