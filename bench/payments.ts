import { randomUUID } from 'node:crypto'
import { checkoutWorkflowId } from '../workflows/ids.ts'
import type { PaymentId } from '../domain/ids.ts'
import { eventually } from '../test/support/eventually.ts'
import { bareWorkflowId, type BareSession } from './bare/names.ts'
import { expectStatus } from './http-client.ts'
import type { Stack } from './stack.ts'

/** A payment whose page is open. */
export interface OpenPayment {
  paymentId: string
  sessionId: string
  workflowId: string
}

/** As integrators are told to start one: with an idempotency key, and repeated while the answer is that it goes on. */
export async function openPayment(
  { ours }: Stack,
  userId: string,
  bought: object = { product_id: 'report' },
): Promise<OpenPayment> {
  const purchase = {
    user_id: userId,
    ...bought,
    success_url: 'https://shop.test/thanks',
    cancel_url: 'https://shop.test/basket',
  }
  const headers = { authorization: `Bearer ${ours.project.apiKey}`, 'idempotency-key': randomUUID() }
  const answer = await eventually('a payment is open', async () => {
    const answer = await ours.http.post('/api/v1/payments', JSON.stringify(purchase), headers)
    return answer.status !== 503 && answer
  })
  const { payment_id, checkout_session_id } = JSON.parse(expectStatus(201, answer)) as {
    payment_id: PaymentId
    checkout_session_id: string
  }
  return {
    paymentId: payment_id,
    sessionId: checkout_session_id,
    workflowId: checkoutWorkflowId(payment_id),
  }
}

export async function openBarePayment({ bare }: Stack, customerId?: string): Promise<OpenPayment> {
  const paymentId = randomUUID()
  const { priceId } = bare
  const answer = await bare.http.post('/payments', JSON.stringify({ paymentId, priceId, customerId }))
  const { sessionId } = JSON.parse(expectStatus(200, answer)) as BareSession
  return { paymentId, sessionId, workflowId: bareWorkflowId(paymentId) }
}
