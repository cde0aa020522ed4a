import type { Account } from '../account.ts'
import { invalidRequest, noSuch, StripeError } from '../http/errors.ts'
import type { Customer } from '../objects/customer.ts'
import { newPaymentMethod, type PaymentMethod } from '../objects/payment-method.ts'
import { testCard, testCardNamed } from '../objects/test-cards.ts'

/** The payment method of an id. A name such as `pm_card_visa` makes a new one of that card, as it does at Stripe.
 *  @param param the parameter that named it, or undefined where the path did. */
export function findPaymentMethod(account: Account, id: string, param?: string): PaymentMethod {
  const known = account.paymentMethods.get(id)
  if (known) return known
  const card = testCardNamed(id)
  if (card) return account.paymentMethods.insert(newPaymentMethod({ now: account.now(), card }))
  const { status, body } = noSuch('PaymentMethod', id, param)
  throw new StripeError(status, {
    ...body,
    message: `${body.message}; It's possible this PaymentMethod exists on one of your connected accounts, in which case you should retry this request on that connected account. Learn more at https://stripe.com/docs/connect/authentication`,
    param: 'payment_method',
  })
}

/** Saves a card with a customer.
 *  @throws StripeError 402 for a card that its bank refuses already now. */
export function attachPaymentMethod(account: Account, method: PaymentMethod, customer: Customer): void {
  if (method.customer === customer.id) return
  if (method.customer)
    throw invalidRequest('The payment method you provided has already been attached to a customer.', {
      code: 'payment_method_unexpected_state',
    })
  const { decline, declinesAttaching } = testCard(method.hidden.number)
  if (decline && declinesAttaching)
    throw new StripeError(402, {
      type: 'card_error',
      code: decline.code,
      ...(decline.declineCode && { decline_code: decline.declineCode }),
      ...(decline.adviceCode && { advice_code: decline.adviceCode }),
      ...(decline.networkDeclineCode && { network_decline_code: decline.networkDeclineCode }),
      message: decline.message,
      param: '',
    })
  account.paymentMethods.change(method, { customer: customer.id })
  account.emit('payment_method.attached', method)
}

export function detachPaymentMethod(account: Account, method: PaymentMethod): void {
  const owner = method.customer ? account.customers.get(method.customer) : undefined
  if (!owner)
    throw invalidRequest(
      'The payment method you provided is not attached to a customer so detachment is impossible.',
    )
  const previous = account.paymentMethods.change(method, { customer: null })
  account.emit('payment_method.detached', method, previous)
  if (owner.invoice_settings.default_payment_method === method.id) {
    const before = account.customers.change(owner, {
      invoice_settings: { ...owner.invoice_settings, default_payment_method: null },
    })
    account.emit('customer.updated', owner, before)
  }
  for (const subscription of account.subscriptions.where('customer', owner.id)) {
    if (subscription.default_payment_method !== method.id) continue
    const before = account.subscriptions.change(subscription, { default_payment_method: null })
    account.emit('customer.subscription.updated', subscription, before)
  }
}
