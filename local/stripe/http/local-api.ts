import type { Account } from '../account.ts'
import { adviceCodes, declineCodes } from '../objects/decline-codes.ts'
import { newPaymentMethod } from '../objects/payment-method.ts'
import { declineWith, isCardNumber, testCard, type Decline } from '../objects/test-cards.ts'
import { finishAuthentication, needsCard, submitCheckout } from '../processes/checkout.ts'
import { named } from '../routes/find.ts'
import { attachPaymentMethod } from '../processes/payment-methods.ts'
import { attemptAndSettle, failAuthenticationAndSettle, payInvoice } from '../processes/paying-invoices.ts'
import { intentOf } from '../processes/invoicing.ts'
import { hasFailed } from '../processes/refunding.ts'
import { badParameter, unrecognizedUrl } from './errors.ts'
import { render } from './expand.ts'
import { noFaults, readFaults, type Faults } from './faults.ts'
import { alterObject, callSilently, forgetObject } from './local-divergence.ts'
import { parseGiven, textOf, type Given } from './local-input.ts'
import {
  decideDisputeByHand,
  disputeByHand,
  moveRefundByHand,
  payOutByHand,
  warnOfFraudByHand,
} from './local-money.ts'
import { Router, type Route } from './router.ts'
import { readSettings } from './settings.ts'

/** What only a stand-in can offer: faults on demand, counts, and a hand for tests without a browser. */
export class LocalApi {
  faults: Faults = noFaults()
  readonly #account: Account
  readonly #router: Router

  constructor(account: Account, routes: Route[]) {
    this.#account = account
    this.#router = new Router(routes)
  }

  /** @throws StripeError, in the same form as Stripe's API */
  answer(method: string, path: string, body: string): object {
    const [, , subject = '', id = '', action = ''] = path.split('/')
    switch (`${method} ${subject}${action === '' ? '' : `/${action}`}`) {
      case 'POST faults':
        this.faults = readFaults(parseGiven(body))
        return this.faults
      case 'GET faults':
        return this.faults
      case 'DELETE faults':
        this.faults = noFaults()
        return this.faults
      case 'DELETE idempotency_keys':
        return this.#forgetKeys()
      case 'GET counts':
        return this.#counts()
      case 'GET settings':
        return this.#account.settings
      case 'POST settings':
        this.#account.changeSettings(readSettings(parseGiven(body)))
        return this.#account.settings
      case 'POST checkout/pay':
        return this.#pay(id, parseGiven(body))
      case 'POST invoices/pay':
        return this.#payInvoice(id, parseGiven(body))
      case 'POST silently':
        return this.#silently(parseGiven(body))
      case 'POST objects':
        return alterObject(this.#account, id, parseGiven(body))
      case 'DELETE objects':
        return forgetObject(this.#account, id)
      case 'POST refunds/move':
        return moveRefundByHand(this.#account, id, parseGiven(body))
      case 'POST charges/dispute':
        return disputeByHand(this.#account, id, parseGiven(body))
      case 'POST charges/early_fraud_warning':
        return warnOfFraudByHand(this.#account, id, parseGiven(body))
      case 'POST disputes/decide':
        return decideDisputeByHand(this.#account, id, parseGiven(body))
      case 'POST payouts':
        return payOutByHand(this.#account, parseGiven(body))
      case 'POST payment_methods/replace':
        return this.#replaceCard(id, parseGiven(body))
      case 'POST customers/card':
        return this.#changeCard(id, parseGiven(body))
      default:
        throw unrecognizedUrl(method, path)
    }
  }

  #forgetKeys(): object {
    const { keptAnswers } = this.#account
    const kept = keptAnswers.all().slice()
    for (const answer of kept) keptAnswers.remove(answer)
    return { forgotten: kept.length }
  }

  /** Any call of Stripe's API, or one of these, that nobody hears of. */
  #silently({ call, parameters = {} }: Given): object {
    const [method = '', path = ''] = typeof call === 'string' ? call.split(' ') : []
    return path.startsWith('/_local/')
      ? this.#account.silently(() => this.answer(method, path, JSON.stringify(parameters)))
      : callSilently(this.#account, this.#router, { method, path, parameters })
  }

  /** The counts come from the objects themselves, so that they hold after a restart too. */
  #counts(): object {
    const { callCounts, charges, invoicePayments, refunds } = this.#account
    const attempts: Record<string, number> = {}
    const paid: Record<string, number> = {}
    for (const { payment_intent: intent, status } of charges.all()) {
      attempts[intent] = (attempts[intent] ?? 0) + 1
      if (status === 'succeeded') paid[intent] = (paid[intent] ?? 0) + 1
    }
    const refundedPer = (field: 'charge' | 'payment_intent'): Record<string, number> => {
      const counts: Record<string, number> = {}
      for (const refund of refunds.all())
        if (!hasFailed(refund)) counts[refund[field]] = (counts[refund[field]] ?? 0) + 1
      return counts
    }
    const perInvoice = (perIntent: Record<string, number>): Record<string, number> => {
      const sums: Record<string, number> = {}
      for (const { invoice, payment } of invoicePayments.all())
        sums[invoice] = (sums[invoice] ?? 0) + (perIntent[payment.payment_intent] ?? 0)
      return sums
    }
    return {
      calls: Object.fromEntries(callCounts.all().map(({ id, count }) => [id, count])),
      charges_per_payment_intent: paid,
      charges_per_invoice: perInvoice(paid),
      attempts_per_invoice: perInvoice(attempts),
      refunds_per_charge: refundedPer('charge'),
      refunds_per_payment_intent: refundedPer('payment_intent'),
    }
  }

  #pay(id: string, given: Given): object {
    const session = named(this.#account.checkoutSessions, id, 'checkout.session')
    const method = needsCard(session)
      ? this.#account.paymentMethods.insert(
          newPaymentMethod({
            now: this.#account.nowOf(session.customer),
            card: testCard(cardNumber(given.card)),
          }),
        )
      : undefined
    const outcome = submitCheckout(this.#account, session, method, {
      email: textOf(given.email) ?? session.customer_details?.email ?? 'customer@example.com',
      name: textOf(given.name) ?? 'Test Customer',
    })
    const finished =
      outcome.kind === 'requires_action'
        ? finishAuthentication(this.#account, session, given.authenticate !== 'fail')
        : outcome
    if (finished.kind === 'declined') throw finished.error
    return render(this.#account, session, [])
  }

  /** What a customer does on the hosted page of an invoice. */
  #payInvoice(id: string, given: Given): object {
    const invoice = named(this.#account.invoices, id, 'invoice')
    if (invoice.status !== 'open') throw badParameter(`This invoice cannot be paid: it is ${invoice.status}.`)
    const card = testCard(cardNumber(given.card))
    const method = this.#account.paymentMethods.insert(
      newPaymentMethod({ now: this.#account.nowOf(invoice.customer), card }),
    )
    const outcome = payInvoice(this.#account, invoice, { method })
    const intent = intentOf(this.#account, invoice)
    const finished =
      outcome.kind === 'requires_action' && intent
        ? given.authenticate === 'fail'
          ? failAuthenticationAndSettle(this.#account, intent)
          : attemptAndSettle(this.#account, intent, { method, authenticated: true })
        : outcome
    if (finished.kind === 'declined') throw finished.error
    return render(this.#account, invoice, [])
  }

  /** The customer's bank sends them a new card, and the network tells Stripe of it. */
  #replaceCard(id: string, given: Given): object {
    const { paymentMethods } = this.#account
    const method = named(paymentMethods, id, 'PaymentMethod')
    const replaced = testCard(cardNumber(given.card))
    const { card } = newPaymentMethod({ now: this.#account.nowOf(method.customer), card: replaced })
    const previous = paymentMethods.change(method, {
      card: { ...method.card, last4: card.last4, exp_month: card.exp_month, exp_year: card.exp_year + 3 },
      hidden: { number: replaced.number, decline: null, authenticatedForLater: false },
    })
    this.#account.emit('payment_method.automatically_updated', method, previous)
    return render(this.#account, method, [])
  }

  /** From now on every card of this customer does what that test card does. */
  #changeCard(id: string, given: Given): object {
    const { paymentMethods, customers } = this.#account
    const customer = named(customers, id, 'customer')
    const number = cardNumber(given.card)
    const hidden = { number, decline: declineAsked(given), authenticatedForLater: false }
    for (const method of paymentMethods.where('customer', id)) paymentMethods.change(method, { hidden })
    if (paymentMethods.where('customer', id).length === 0) {
      const fresh = newPaymentMethod({ now: this.#account.now(customer), card: testCard('4242424242424242') })
      attachPaymentMethod(this.#account, paymentMethods.insert(fresh), customer)
      paymentMethods.change(fresh, { hidden })
      customers.change(customer, {
        invoice_settings: { ...customer.invoice_settings, default_payment_method: fresh.id },
      })
    }
    const cards = paymentMethods.where('customer', id).map((method) => method.id)
    return { customer: id, card: number, payment_methods: cards }
  }
}

function cardNumber(value: unknown): string {
  const number = typeof value === 'string' ? value.replaceAll(/\s/g, '') : ''
  if (!isCardNumber(number))
    throw badParameter('Your card number is incorrect.', { code: 'incorrect_number', param: 'card' })
  return number
}

/** A decline that is asked for by its code, for which there may be no test card. */
function declineAsked({ decline_code: code, advice_code: advice }: Given): Decline | null {
  if (code === undefined) return null
  const known = adviceCodes.find((one) => one === advice)
  if (typeof code !== 'string' || !declineCodes.has(code))
    throw badParameter(`decline_code must be one of ${[...declineCodes].join(', ')}.`, {
      param: 'decline_code',
    })
  if (advice !== undefined && !known)
    throw badParameter(`advice_code must be one of ${adviceCodes.join(', ')}.`, { param: 'advice_code' })
  return declineWith(code, known)
}
