import type { Account } from '../account.ts'
import { docUrl, StripeError } from '../http/errors.ts'
import type { SetupIntent } from '../objects/setup-intent.ts'
import type { PaymentMethod } from '../objects/payment-method.ts'
import { testCard } from '../objects/test-cards.ts'
import { present } from '../present.ts'
import { nextAction, paymentError } from './charging.ts'
import { attachPaymentMethod } from './payment-methods.ts'

export type SetupOutcome =
  { kind: 'succeeded' } | { kind: 'requires_action' } | { kind: 'declined'; error: StripeError }

/** Tries to save a card for later, without charging it. */
export function attemptSetup(
  account: Account,
  intent: SetupIntent,
  attempt: { method: PaymentMethod; authenticated?: boolean; returnUrl?: string | null },
): SetupOutcome {
  const { method, authenticated = false, returnUrl = null } = attempt
  const card = testCard(method.hidden.number)
  account.setupIntents.change(intent, {
    payment_method: method.id,
    next_action: null,
    last_setup_error: null,
  })
  if (card.decline && card.declinesAttaching) {
    const failure = paymentError(account, method, card.decline, undefined)
    return failSetup(account, intent, failure)
  }
  // Setting a card up asks the customer to authenticate whenever a payment with it would.
  if (card.authentication && !authenticated) {
    account.setupIntents.change(intent, {
      status: 'requires_action',
      next_action: nextAction(account, intent.id, returnUrl),
      hidden: { returnUrl },
    })
    account.emit('setup_intent.requires_action', intent)
    return { kind: 'requires_action' }
  }
  const customer = intent.customer ? account.customers.get(intent.customer) : undefined
  if (customer) attachPaymentMethod(account, method, customer)
  if (authenticated)
    account.paymentMethods.change(method, { hidden: { ...method.hidden, authenticatedForLater: true } })
  account.setupIntents.change(intent, { status: 'succeeded' })
  account.emit('setup_intent.succeeded', intent)
  return { kind: 'succeeded' }
}

/** The customer failed, or gave up, at their bank's 3-D Secure page. */
export function failSetupAuthentication(account: Account, intent: SetupIntent): SetupOutcome {
  const method = account.paymentMethods.must(intent.payment_method ?? '')
  return failSetup(account, intent, {
    code: 'setup_intent_authentication_failure',
    doc_url: docUrl('setup_intent_authentication_failure'),
    message:
      'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
    payment_method: present(account, method),
    type: 'invalid_request_error',
  })
}

function failSetup(
  account: Account,
  intent: SetupIntent,
  failure: NonNullable<SetupIntent['last_setup_error']>,
): SetupOutcome {
  account.setupIntents.change(intent, {
    status: 'requires_payment_method',
    last_setup_error: failure,
    next_action: null,
    payment_method: null,
  })
  account.emit('setup_intent.setup_failed', intent)
  return {
    kind: 'declined',
    error: new StripeError(402, { ...failure, setup_intent: present(account, intent) }),
  }
}
