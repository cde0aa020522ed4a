import type { Account } from '../account.ts'
import type { PaymentIntent } from '../objects/payment-intent.ts'
import type { SetupIntent } from '../objects/setup-intent.ts'
import { formatAmount } from '../objects/shared.ts'
import type { CheckoutSession } from '../objects/checkout-session.ts'
import { finishAuthentication } from '../processes/checkout.ts'
import { attemptAndSettle, failAuthenticationAndSettle } from '../processes/paying-invoices.ts'
import { attemptSetup, failSetupAuthentication } from '../processes/setting-up.ts'
import { afterSubmit } from './checkout-page.ts'
import { html } from './html.ts'
import { notice, page, redirect, type Page } from './layout.ts'

type Intent = PaymentIntent | SetupIntent

/** The page of the customer's bank, where they say that it is them. */
export function showAuthentication(account: Account, intent: Intent): Page {
  if (intent.status !== 'requires_action') return afterwards(account, intent)
  const amount = intent.object === 'payment_intent' ? formatAmount(intent.amount, intent.currency) : undefined
  return page(
    200,
    '3-D Secure',
    html`<main class="notice">
      <p class="badge">Test mode</p>
      <h1>Your bank wants to know that it is you</h1>
      <p>
        This is a test of 3-D Secure${amount && html` for a payment of <b>${amount}</b>`}. Choose how it ends.
      </p>
      <form method="post" action="/authenticate/${intent.id}" class="choices">
        <button name="outcome" value="complete">Complete</button>
        <button name="outcome" value="fail" class="secondary">Fail</button>
      </form>
    </main>`,
    'noticed',
  )
}

export function submitAuthentication(account: Account, intent: Intent, fields: URLSearchParams): Page {
  if (intent.status !== 'requires_action') return afterwards(account, intent)
  const passed = fields.get('outcome') === 'complete'
  const session = sessionOf(account, intent)
  if (session) {
    const { payer } = session.hidden
    const typed = { email: payer?.email ?? '', name: payer?.name ?? '' }
    return afterSubmit(account, session, typed, finishAuthentication(account, session, passed))
  }
  const method = account.paymentMethods.must(intent.payment_method ?? '')
  if (intent.object === 'setup_intent') {
    if (passed) attemptSetup(account, intent, { method, authenticated: true })
    else failSetupAuthentication(account, intent)
  } else if (passed) attemptAndSettle(account, intent, { method, authenticated: true })
  else failAuthenticationAndSettle(account, intent)
  return afterwards(account, intent)
}

/** Back to whoever asked, with what Stripe adds to the address. */
function afterwards(account: Account, intent: Intent): Page {
  const { returnUrl } = intent.hidden
  if (!returnUrl || !URL.canParse(returnUrl)) {
    const session = sessionOf(account, intent)
    if (session?.url) return redirect(session.url)
    return intent.status === 'succeeded' || intent.status === 'requires_capture'
      ? notice(200, 'Thank you', 'You may close this window.')
      : notice(200, 'Not authenticated', 'Nothing was charged. You may close this window.')
  }
  const url = new URL(returnUrl)
  url.searchParams.set(intent.object, intent.id)
  url.searchParams.set(`${intent.object}_client_secret`, intent.client_secret)
  const good = intent.status === 'succeeded' || intent.status === 'requires_capture'
  url.searchParams.set('redirect_status', good ? 'succeeded' : 'failed')
  return redirect(url.href)
}

/** The open checkout session that an intent belongs to, directly or by the first invoice of its subscription. */
function sessionOf(account: Account, intent: Intent): CheckoutSession | undefined {
  const { checkoutSessions, invoicePayments, invoices } = account
  if (intent.object === 'setup_intent') return open(checkoutSessions.where('setup_intent', intent.id))
  const direct = open(checkoutSessions.where('payment_intent', intent.id))
  if (direct) return direct
  const [payment] = invoicePayments.where('payment_intent', intent.id)
  const subscription = payment && invoices.must(payment.invoice).parent?.subscription_details.subscription
  return subscription ? open(checkoutSessions.where('subscription', subscription)) : undefined
}

const open = (sessions: CheckoutSession[]): CheckoutSession | undefined =>
  sessions.find(({ status }) => status === 'open')
