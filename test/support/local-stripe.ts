import { createStripeClient } from '../../providers/stripe/client.ts'
import { localStripeKey } from '../../local/parts/stripe.ts'

export interface StripeFaults {
  webhooks?: { duplicate?: number; reorder?: number; drop?: number; delay_ms?: number }
  api?: {
    error_429?: number
    error_500?: number
    lost_answer?: number
    delay_ms?: number
    paths?: string[]
  }
}

export interface StripeCounts {
  calls: Record<string, number>
  /** Successful charges. */
  charges_per_payment_intent: Record<string, number>
  charges_per_invoice: Record<string, number>
  /** Successful or not. */
  attempts_per_invoice: Record<string, number>
  /** Refunds that did not fail. */
  refunds_per_charge: Record<string, number>
  refunds_per_payment_intent: Record<string, number>
}

export const cards = {
  good: '4242424242424242',
  declined: '4000000000000002',
  insufficientFunds: '4000000000009995',
  threeDSecure: '4000002760003184',
  /** Can be saved, and is declined when charged. */
  chargeDeclined: '4000000000000341',
  /** Refunds wait for the bank for two seconds, and succeed. */
  pendingRefund: '4000000000007726',
  /** Refunds succeed, and fail two seconds later. */
  refundFail: '4000000000005126',
  disputed: '4000000000000259',
  fraudWarning: '4000000000005423',
}

/** The local Stripe from a test's side: its official SDK, the hand of a payer without a browser, and what goes wrong. */
export type LocalStripe = ReturnType<typeof createLocalStripe>

export function createLocalStripe(apiBase: string) {
  async function local(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${apiBase}/_local/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    })
    const value: unknown = await answer.json()
    if (!answer.ok) throw new Error(`/_local/${path} answered ${answer.status} ${JSON.stringify(value)}`)
    return value
  }
  const sdk = createStripeClient({ secretKey: localStripeKey, apiBase })
  return {
    apiBase,
    sdk,
    counts: () => local('GET', 'counts') as Promise<StripeCounts>,
    faults: (faults: StripeFaults) => local('POST', 'faults', faults),
    endFaults: () => local('DELETE', 'faults'),
    /** As Stripe does after a day. */
    forgetKeys: () => local('DELETE', 'idempotency_keys'),
    /** Completes the payment page. Fails when the card is declined. */
    pay: (sessionId: string, card = cards.good) => local('POST', `checkout/${sessionId}/pay`, { card }),
    /** What the saved cards of a subscription's customer do from now on. */
    async changeCard(subscriptionId: string, card: string): Promise<void> {
      const { customer } = await sdk.subscriptions.retrieve(subscriptionId)
      await local('POST', `customers/${typeof customer === 'string' ? customer : customer.id}/card`, { card })
    },
    /** The customer is left without a card. */
    async removeCards(subscriptionId: string): Promise<void> {
      const { customer } = await sdk.subscriptions.retrieve(subscriptionId)
      const { data } = await sdk.paymentMethods.list({
        customer: typeof customer === 'string' ? customer : customer.id,
      })
      for (const { id } of data) await sdk.paymentMethods.detach(id)
    },
    /** What one saved card does from now on, because the customer's bank has sent another in its place. */
    replaceCard: (paymentMethodId: string, card: string) =>
      local('POST', `payment_methods/${paymentMethodId}/replace`, { card }),
    /** What the bank does with a refund, without waiting for it. */
    moveRefund: (refundId: string, status: 'succeeded' | 'failed' | 'canceled', failureReason?: string) =>
      local('POST', `refunds/${refundId}/move`, { status, failure_reason: failureReason }),
    /** A customer asks their bank for the money of a charge back. */
    disputeCharge: (
      chargeId: string,
      complaint: { reason?: string; amount?: number; due_by?: number; inquiry?: boolean } = {},
    ) => local('POST', `charges/${chargeId}/dispute`, complaint),
    decideDispute: (disputeId: string, outcome: 'won' | 'lost' | 'escalated') =>
      local('POST', `disputes/${disputeId}/decide`, { outcome }),
    warnOfFraud: (chargeId: string) => local('POST', `charges/${chargeId}/early_fraud_warning`, {}),
    /** Pays out what is available in a currency, or all there is. */
    payOut: (currency: string, options: { include_pending?: boolean } = {}) =>
      local('POST', 'payouts', { currency, ...options }),
    /** A call of Stripe's API, or a local one, of which no event tells: `silently('POST /v1/refunds', { charge })`. */
    silently: (call: string, parameters: object = {}) => local('POST', 'silently', { call, parameters }),
    /** Sets fields of an object, of which no event tells. */
    alter: (id: string, fields: object) => local('POST', `objects/${id}`, fields),
    /** Lets an object, or an event, be gone as if it had never been. */
    forget: (id: string) => local('DELETE', `objects/${id}`),
    /** The customer pays an invoice on its page. */
    payInvoice: (invoiceId: string, card = cards.good) =>
      local('POST', `invoices/${invoiceId}/pay`, { card }),
    /** The payment page is submitted with a card that is declined. */
    async payInVain(sessionId: string, card = cards.declined): Promise<void> {
      const paid = await local('POST', `checkout/${sessionId}/pay`, { card }).then(
        () => true,
        () => false,
      )
      if (paid) throw new Error(`card ${card} was not declined`)
    },
  }
}
