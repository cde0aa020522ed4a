import { DemoFailure } from './failure.ts'
import { reasonOf } from './api.ts'

/** The customers' side: what they would do in a browser, and what becomes of their cards. */
export interface LocalStripe {
  /** Submits the payment page. Answers who has paid: Stripe's customer. */
  pay(sessionId: string, card: string): Promise<string>
  /** What the customer's saved card does from now on. */
  changeCard(customer: string, card: string): Promise<void>
}

/** Stripe's test cards: https://docs.stripe.com/testing */
export const cards = {
  good: '4242424242424242',
  insufficientFunds: '4000000000009995',
}

export function createLocalStripe(apiBase: string): LocalStripe {
  async function post(path: string, body: object): Promise<Record<string, unknown>> {
    const answer = await fetch(`${apiBase}/_local/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    }).catch((error: unknown) => {
      throw new DemoFailure(`The local Stripe at ${apiBase} does not answer: ${reasonOf(error)}.`)
    })
    const text = await answer.text()
    if (!answer.ok)
      throw new DemoFailure(`The local Stripe refused _local/${path} with ${answer.status}: ${text}`)
    return JSON.parse(text) as Record<string, unknown>
  }
  return {
    pay: async (sessionId, card) => String((await post(`checkout/${sessionId}/pay`, { card })).customer),
    changeCard: async (customer, card) => void (await post(`customers/${customer}/card`, { card })),
  }
}
