import type { Account } from '../account.ts'
import type { CheckoutSession } from '../objects/checkout-session.ts'
import { formatAmount } from '../objects/shared.ts'
import { needsCard, submitCheckout, waitingIntentOf, type SubmitOutcome } from '../processes/checkout.ts'
import { frequencyOf, rateOf } from '../processes/subscription-lines.ts'
import { StripeError } from '../http/errors.ts'
import { cardForm, readCard, type Problem, type Typed } from './card-form.ts'
import { html, type Html } from './html.ts'
import { notice, page, redirect, type Page } from './layout.ts'

/** The page of a session: what is bought on the left, the card on the right. */
export function showCheckout(account: Account, session: CheckoutSession, problem?: Problem): Page {
  if (session.status === 'complete')
    return notice(200, 'All done', 'You’ve already completed your payment.', {
      href: returnTo(session.success_url, session),
      label: 'Continue',
    })
  if (session.status === 'expired')
    return notice(
      200,
      'This page has expired',
      'The checkout session has timed out. Please go back and start again.',
      session.cancel_url ? { href: returnTo(session.cancel_url, session), label: 'Go back' } : undefined,
    )
  const waiting = waitingIntentOf(account, session)
  if (waiting && !problem) return redirect(`/authenticate/${waiting.id}`)
  return form(account, session, { email: '', name: '' }, problem)
}

/** The payer pressed the button. */
export function submitPage(account: Account, session: CheckoutSession, fields: URLSearchParams): Page {
  if (session.status !== 'open') return showCheckout(account, session)
  const email = session.customer_details?.email ?? (fields.get('email')?.trim() || null)
  const typed = { email: fields.get('email') ?? '', name: fields.get('name') ?? '' }
  if (email === null || !/^[^\s@]+@[^\s@]+$/.test(email))
    return form(account, session, typed, { message: 'Your email is incomplete.', field: 'email' }, 400)
  const card = needsCard(session) ? readCard(account, fields, email) : undefined
  if (card && 'message' in card) return form(account, session, typed, card, 400)
  try {
    const outcome = submitCheckout(account, session, card, { email, name: fields.get('name') || null })
    return afterSubmit(account, session, typed, outcome)
  } catch (error) {
    if (!(error instanceof StripeError)) throw error
    return form(account, session, typed, { message: error.message }, error.status)
  }
}

export function afterSubmit(
  account: Account,
  session: CheckoutSession,
  typed: Typed,
  outcome: SubmitOutcome,
): Page {
  switch (outcome.kind) {
    case 'complete':
      return redirect(returnTo(session.success_url, session))
    case 'requires_action':
      return redirect(`/authenticate/${outcome.intent}`)
    case 'declined':
      return form(account, session, typed, { message: wordsOf(outcome.error) }, 402)
  }
}

/** Stripe's page says a little more to the customer than the API does to the merchant. */
function wordsOf({ body }: StripeError): string {
  if (body.code === 'card_declined' && body.decline_code !== 'insufficient_funds')
    return 'Your card was declined. Please try a different card.'
  if (body.decline_code === 'insufficient_funds')
    return 'Your card has insufficient funds. Try a different card.'
  return body.message
}

const returnTo = (url: string, session: CheckoutSession): string =>
  url.replaceAll('{CHECKOUT_SESSION_ID}', session.id)

function form(
  account: Account,
  session: CheckoutSession,
  typed: Typed,
  problem: Problem | undefined,
  status = 200,
): Page {
  const email = session.customer_details?.email
  const askForCard = needsCard(session)
  return page(
    status,
    session.mode === 'setup' ? 'Save a card' : 'Checkout',
    html`<div class="checkout">
      <header class="summary"><div class="column">${summary(account, session)}</div></header>
      <main class="payment">
        <div class="column">
          <h2>${session.mode === 'setup' ? 'Card details' : 'Pay with card'}</h2>
          ${email && html`<p class="known"><span>Email</span><b>${email}</b></p>`}
          ${cardForm({
            action: `/c/pay/${session.id}`,
            button: buttonOf(session),
            askForEmail: !email,
            askForCard,
            typed,
            problem,
          })}
          <p class="fine">Local Stripe: no money moves, and no card leaves this computer.</p>
        </div>
      </main>
    </div>`,
  )
}

function buttonOf(session: CheckoutSession): string {
  if (session.mode === 'setup') return 'Save card'
  if (session.mode === 'subscription') return trialOf(session) ? 'Start trial' : 'Subscribe'
  if (session.submit_type === 'donate') return 'Donate'
  if (session.submit_type === 'book') return 'Book'
  return `Pay ${money(session, session.amount_total ?? 0)}`
}

const money = (session: CheckoutSession, amount: number): string =>
  formatAmount(amount, session.currency ?? 'usd')

function summary(account: Account, session: CheckoutSession): Html {
  const { cancel_url: cancelUrl } = session
  const top = html`<p class="merchant">
    ${cancelUrl && html`<a class="back" href="${returnTo(cancelUrl, session)}"><span aria-hidden="true">←</span> Back</a>`}
    <span class="badge">Test mode</span>
  </p>`
  if (session.mode === 'setup')
    return html`${top}
      <h1 class="total">Save a card</h1>
      <p class="hint">It is kept for later payments. Nothing is charged now.</p>`
  const lines = session.hidden.plans.lines.map((line) => ({
    ...line,
    price: account.prices.must(line.price),
  }))
  const [first] = lines
  const trial = trialOf(session)
  return html`${top}
    <h1>
      <span class="purpose">${purposeOf(session, first?.description ?? '')}</span>
      <span class="total">
        ${trial ? trial : money(session, session.amount_total ?? 0)}
        ${
          !trial && session.mode === 'subscription' && lines.length === 1 && first
            ? html`<span class="per">${frequencyOf(first.price)}</span>`
            : ''
        }
      </span>
    </h1>
    ${trial && first && html`<p class="hint">Then ${rateOf(first.price, first.amount)}</p>`}
    <ul class="lines">
      ${lines.map(
        ({ description, quantity, price, amount }) =>
          html`<li>
            <span>
              <strong>${description}</strong>
              <span class="hint">${quantity > 1 ? `${quantity} × ` : ''}${rateOf(price)}</span>
            </span>
            <span class="amount">${money(session, amount)}</span>
          </li>`,
      )}
    </ul>
    <p class="due"><span>Total due today</span><span>${money(session, session.amount_total ?? 0)}</span></p>`
}

function purposeOf(session: CheckoutSession, description: string): string {
  if (session.mode === 'subscription')
    return trialOf(session) ? `Try ${description}` : `Subscribe to ${description}`
  return session.hidden.plans.lines.length === 1 ? description : 'Pay Local Stripe'
}

/** `14 days free`, when the subscription begins with a trial. */
function trialOf(session: CheckoutSession): string | undefined {
  const { trialEnd, trialPeriodDays } = session.hidden.plans.subscription
  const days =
    trialPeriodDays ?? (trialEnd && Math.max(Math.round((trialEnd - Date.now() / 1000) / 86_400), 1))
  return days ? `${days} day${days === 1 ? '' : 's'} free` : undefined
}
