/** Where a payment method is offered. */
export type Occasion = 'intent' | 'invoice' | 'setup' | 'checkout_payment' | 'checkout_saving'

/** A payment method that the account has switched on: where it is offered, and the options it shows there. */
interface Offer {
  type: string
  /** Every currency when none is named. */
  currencies?: string[]
  /** The customer leaves the shop's page to pay. */
  redirects?: true
  /** An amount can be reserved now and captured later. */
  capturesLater?: true
  /** Null where it is offered without options of its own. */
  at: Partial<Record<Occasion, object | null>>
}

const card = { network: null, request_three_d_secure: 'automatic', mandate_options: null }
const bankAccount = { verification_method: 'automatic' }
const linkedAccounts = { financial_connections: { permissions: ['payment_method'], prefetch: [] } }
const debitMandate = { interval_description: null, payment_schedule: null, transaction_type: null }

/**
 * The methods that a US account has in Stripe's test mode, and which therefore stand in its objects. They can be read
 * here, and only a card can be paid with.
 */
const offers: Offer[] = [
  {
    type: 'card',
    capturesLater: true,
    at: {
      intent: { installments: null, ...card },
      invoice: { installments: null, ...card },
      setup: card,
      checkout_payment: { request_three_d_secure: 'automatic' },
      checkout_saving: { request_three_d_secure: 'automatic' },
    },
  },
  {
    type: 'bancontact',
    currencies: ['eur'],
    redirects: true,
    at: { intent: { preferred_language: 'en' }, setup: null },
  },
  { type: 'ideal', currencies: ['eur'], redirects: true, at: { intent: {}, setup: null } },
  { type: 'sepa_debit', currencies: ['eur'], at: { intent: {}, setup: null } },
  {
    type: 'acss_debit',
    currencies: ['cad', 'usd'],
    at: { intent: bankAccount, invoice: { mandate_options: debitMandate, ...bankAccount }, setup: null },
  },
  {
    type: 'afterpay_clearpay',
    currencies: ['aud', 'cad', 'gbp', 'nzd', 'usd'],
    redirects: true,
    capturesLater: true,
    at: { intent: { reference: null }, checkout_payment: null },
  },
  {
    type: 'alipay',
    currencies: ['aud', 'cad', 'cny', 'eur', 'gbp', 'hkd', 'jpy', 'nzd', 'sgd', 'usd'],
    redirects: true,
    at: { intent: {}, checkout_payment: null },
  },
  { type: 'cashapp', currencies: ['usd'], at: { invoice: {} } },
  {
    type: 'klarna',
    currencies: ['aud', 'cad', 'chf', 'czk', 'dkk', 'eur', 'gbp', 'nok', 'nzd', 'pln', 'ron', 'sek', 'usd'],
    redirects: true,
    capturesLater: true,
    at: { intent: { preferred_locale: null }, setup: null, checkout_payment: null, checkout_saving: null },
  },
  {
    type: 'link',
    capturesLater: true,
    at: {
      intent: { persistent_token: null },
      invoice: { persistent_token: null },
      setup: null,
      checkout_payment: null,
      checkout_saving: null,
    },
  },
  {
    type: 'us_bank_account',
    currencies: ['usd'],
    at: {
      intent: { ...linkedAccounts, mandate_options: {}, transaction_purpose: 'unspecified', ...bankAccount },
      invoice: { mandate_options: {}, transaction_purpose: 'unspecified', ...bankAccount },
      setup: { mandate_options: {}, ...bankAccount },
      checkout_payment: { ...linkedAccounts, ...bankAccount },
      checkout_saving: { ...linkedAccounts, ...bankAccount },
    },
  },
  {
    type: 'wechat_pay',
    currencies: ['aud', 'cad', 'chf', 'cny', 'eur', 'gbp', 'hkd', 'jpy', 'sgd', 'usd'],
    at: { intent: { app_id: null, client: null }, checkout_payment: { app_id: null, client: 'web' } },
  },
]

export interface Wanted {
  at: Occasion
  /** Null where nothing is to be paid yet. */
  currency: string | null
  capturesLater?: boolean
  /** False keeps the customer on the shop's page. */
  redirects?: boolean
  /** Only these, of those the account has. */
  allowed?: string[] | undefined
}

export interface Offered {
  payment_method_types: string[]
  payment_method_options: Record<string, object>
}

/** What an object shows of the payment methods that can pay it. */
export function paymentMethodsFor({
  at,
  currency,
  capturesLater,
  redirects = true,
  allowed,
}: Wanted): Offered {
  const fitting = offers.filter(
    (offer) =>
      at in offer.at &&
      (currency === null || !offer.currencies || offer.currencies.includes(currency)) &&
      (!capturesLater || offer.capturesLater) &&
      (redirects || !offer.redirects) &&
      (!allowed || allowed.includes(offer.type)),
  )
  const types = fitting.map(({ type }) => type)
  return {
    // Invoices list them by name, everything else the card first.
    payment_method_types: at === 'invoice' ? types.toSorted() : types,
    payment_method_options: Object.fromEntries(
      fitting.flatMap((offer) => {
        const options = offer.at[at]
        return options ? [[offer.type, options]] : []
      }),
    ),
  }
}
