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
}

export const cards = {
  good: '4242424242424242',
  declined: '4000000000000002',
  insufficientFunds: '4000000000009995',
  threeDSecure: '4000002760003184',
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
  return {
    apiBase,
    sdk: createStripeClient({ secretKey: localStripeKey, apiBase }),
    counts: () => local('GET', 'counts') as Promise<StripeCounts>,
    faults: (faults: StripeFaults) => local('POST', 'faults', faults),
    endFaults: () => local('DELETE', 'faults'),
    /** Completes the payment page. Fails when the card is declined. */
    pay: (sessionId: string, card = cards.good) => local('POST', `checkout/${sessionId}/pay`, { card }),
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
