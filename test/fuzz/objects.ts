import type { CheckoutClient } from '../support/checkout-client.ts'
import { eventually } from '../support/eventually.ts'
import { cards } from '../support/local-stripe.ts'
import type { Product } from '../support/product.ts'

/** A project with one of everything that can be named, so that requests come past "not there". */
export interface Objects {
  projectId: string
  client: CheckoutClient
  /** What is there, by where it is named: `path.payment_id`. */
  known: Record<string, string[]>
}

export async function makeObjects(product: Product): Promise<Objects> {
  const { projectId, client } = await product.registerProject({
    products: [
      { id: 'book', name: 'Annual report', amount: 4_900, currency: 'brl' },
      { id: 'pack', name: 'Credits', amount: 2_500, currency: 'brl', credits: 5_000_000 },
    ],
    success_url: 'https://shop.test/thanks',
    cancel_url: 'https://shop.test/basket',
  })
  const userId = 'user-1'
  async function buy(purchase: object, card = cards.good): Promise<string> {
    const { payment_id: paymentId, checkout_session_id: sessionId } = await client.openPayment({
      user_id: userId,
      ...purchase,
    })
    await product.stripe.pay(sessionId, card)
    await client.paymentBecomes(paymentId, 'succeeded')
    return paymentId
  }
  const [planPayment, bookPayment] = await Promise.all([
    buy({ plan_id: 'pro' }),
    buy({ product_id: 'book' }),
    buy({ product_id: 'pack' }),
  ])
  await buy({ product_id: 'book' }, cards.disputed)
  const { subscription_id: subscriptionId = '' } = await client.payment(planPayment)
  await client.rolesBecome(userId, ['pro'])

  const operator = (path: string, body: object) => made(product.operator, path, body)
  const refund = await made(client, '/api/v1/refunds', { payment_id: bookPayment, amount: 100 })
  const clock = await made(client, '/api/v1/test-clocks', { frozen_time: '2027-01-10T12:00:00Z' })
  // Ones that nobody uses: they will be revoked.
  const key = await operator(`/api/v1/projects/${projectId}/keys`, {})
  const colleague = await operator('/api/v1/operators', { name: 'Ana', role: 'viewer' })
  const reconciliation = await operator('/api/v1/reconciliations', {})
  const dispute = await firstOf(client, '/api/v1/disputes')
  const method = await firstOf(client, `/api/v1/customers/${userId}/payment-methods`)

  const user = [userId, 'user-2']
  const payment = [planPayment, bookPayment]
  return {
    projectId,
    client,
    known: {
      'header.X-Project-ID': [projectId],
      'path.project_id': [projectId],
      'path.app_id': [projectId],
      'path.key_id': [String(key.key_id)],
      'path.operator_id': [String(colleague.operator_id)],
      'path.user_id': user,
      'path.payment_id': payment,
      'path.subscription_id': [subscriptionId],
      'path.refund_id': [String(refund.refund_id)],
      'path.dispute_id': [String(dispute.dispute_id)],
      'path.clock_id': [String(clock.id)],
      'path.payment_method_id': [String(method.payment_method_id)],
      'path.reconciliation_id': [String(reconciliation.reconciliation_id)],
      'query.user_id': user,
      'query.payment_id': payment,
      'body.user_id': user,
      'body.plan_id': ['pro', 'team'],
      'body.product_id': ['book', 'pack'],
      'body.payment_id': payment,
      'body.subscription_id': [subscriptionId],
      'body.payment_method_id': [String(method.payment_method_id)],
    },
  }
}

async function made(client: CheckoutClient, path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await client.call('POST', path, { body })
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

const firstOf = (client: CheckoutClient, path: string): Promise<Record<string, unknown>> =>
  eventually(`one of ${path}`, async () => {
    const { body } = await client.call('GET', path)
    return (body.data as Record<string, unknown>[] | undefined)?.[0]
  })
