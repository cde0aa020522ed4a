import { newId, randomText } from '../store/ids.ts'
import type { PaymentIntent } from './payment-intent.ts'
import type { PaymentMethod } from './payment-method.ts'
import type { Decline } from './test-cards.ts'

export interface NewCharge {
  now: number
  intent: PaymentIntent
  method: PaymentMethod
  /** Set when the bank said no. */
  decline?: Decline
  /** False when the money is only reserved, to be captured later. */
  captured: boolean
  /** Whether the customer went through 3-D Secure for it. */
  authenticated: boolean
  baseUrl: string
}

export type Charge = ReturnType<typeof newCharge>

/** A card holds a reserved amount for seven days. */
const authorizationSeconds = 7 * 24 * 60 * 60

export function newCharge({ now, intent, method, decline, captured, authenticated, baseUrl }: NewCharge) {
  const id = newId('ch').replace('ch_1', 'ch_3')
  const paid = decline === undefined
  const { card } = method
  return {
    id,
    object: 'charge' as const,
    amount: intent.amount,
    amount_captured: paid && captured ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null as string | null,
    billing_details: method.billing_details,
    calculated_statement_descriptor: 'LOCAL STRIPE',
    captured: paid && captured,
    created: now,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    destination: null,
    dispute: null as string | null,
    disputed: false as boolean,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    order: null,
    outcome: outcomeOf(decline),
    paid,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: {
      card: {
        amount_authorized: paid ? intent.amount : null,
        authorization_code: randomDigits(6),
        brand: card.brand,
        ...(paid && !captured && { capture_before: now + authorizationSeconds }),
        checks: card.checks,
        country: card.country,
        electronic_commerce_indicator: authenticated ? '05' : null,
        exp_month: card.exp_month,
        exp_year: card.exp_year,
        extended_authorization: { status: 'disabled' },
        fingerprint: card.fingerprint,
        funding: card.funding,
        incremental_authorization: { status: 'unavailable' },
        installments: null,
        last4: card.last4,
        mandate: null,
        multicapture: { status: 'unavailable' },
        network: card.brand,
        network_token: { used: false },
        network_transaction_id: randomDigits(15),
        overcapture: { maximum_amount_capturable: intent.amount, status: 'unavailable' },
        regulated_status: 'unregulated',
        three_d_secure: authenticated ? threeDSecureResult() : null,
        transaction_link_id: null,
        wallet: null,
      },
      type: 'card' as const,
    },
    radar_options: {},
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: paid ? `${baseUrl}/receipts/${id}` : null,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: paid ? ('succeeded' as const) : ('failed' as const),
    transfer_data: null,
    transfer_group: intent.transfer_group,
  }
}

function outcomeOf(decline: Decline | undefined) {
  if (!decline)
    return {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: 'approved_by_network',
      reason: null,
      risk_level: 'normal',
      risk_score: Math.floor(Math.random() * 65),
      seller_message: 'Payment complete.',
      type: 'authorized',
    }
  return {
    advice_code: decline.adviceCode ?? null,
    network_advice_code: null,
    network_decline_code: decline.networkDeclineCode ?? null,
    network_status: decline.blocked ? 'not_sent_to_network' : 'declined_by_network',
    reason: decline.blocked ? 'highest_risk_level' : (decline.declineCode ?? decline.code),
    risk_level: decline.blocked ? 'highest' : 'normal',
    risk_score: decline.blocked ? 90 : Math.floor(Math.random() * 65),
    seller_message: decline.blocked
      ? 'Stripe blocked this payment as too risky.'
      : 'The bank did not return any further details with this decline.',
    type: decline.blocked ? 'blocked' : 'issuer_declined',
  }
}

const threeDSecureResult = () => ({
  authentication_flow: 'challenge',
  electronic_commerce_indicator: '05',
  exemption_indicator: null,
  result: 'authenticated',
  result_reason: null,
  transaction_id: randomText(32),
  version: '2.2.0',
})

export const randomDigits = (length: number): string =>
  Array.from({ length }, () => Math.floor(Math.random() * 10)).join('')
