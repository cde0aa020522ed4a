import { inProject } from '../../../db/client.ts'
import { insertCase } from '../../../db/dunning.ts'
import { mintId } from '../../../db/mint-id.ts'
import { insertSubscription, type SubscriptionRow } from '../../../db/subscriptions.ts'
import { defaultDunningPolicy } from '../../../domain/dunning-policy.ts'
import { parseId } from '../../../domain/ids.ts'
import type { TestApi } from './api.ts'

const DAY = 24 * 3_600_000

/** A subscription as the workflows would have recorded it, to the plan that a payment bought over the API. */
export async function seedRunningSubscription(
  api: TestApi,
  { projectId: project, key }: { projectId: string; key: string },
  { planId = 'pro', userId, ...columns }: Partial<SubscriptionRow> & { userId: string },
): Promise<SubscriptionRow> {
  const projectId = parseId('prj', project)
  const paid = await api.call('POST', '/api/v1/payments', {
    key,
    body: { user_id: userId, plan_id: planId, email: `${userId}@shop.test` },
  })
  if (paid.status !== 201) throw new Error(JSON.stringify(paid.body))
  const paymentId = parseId('pay', String(paid.body.payment_id))
  return inProject(api.connections.application, projectId, async (transaction) => {
    const payment = (await transaction.query.payments.findMany()).find((row) => row.paymentId === paymentId)
    if (!payment) throw new Error('no payment')
    const subscriptionId = payment.subscriptionId ?? mintId('sbs')
    return insertSubscription(transaction, {
      projectId,
      subscriptionId,
      customerId: payment.customerId,
      userId,
      paymentId,
      livemode: payment.livemode,
      planId,
      planVersion: 1,
      quantity: 1,
      status: 'active',
      revision: 1,
      currentPeriodStart: new Date(Date.now() - 15 * DAY),
      currentPeriodEnd: new Date(Date.now() + 15 * DAY),
      cancelAtPeriodEnd: false,
      stripeSubscriptionId: `sub_${subscriptionId}`,
      ...columns,
    })
  })
}

/** An unpaid invoice of it. */
export async function seedOpenCase(api: TestApi, subscription: SubscriptionRow): Promise<string> {
  const { projectId, subscriptionId, customerId, livemode } = subscription
  const invoiceId = `in_${subscriptionId}`
  const failedAt = new Date()
  await inProject(api.connections.application, projectId, (transaction) =>
    insertCase(transaction, {
      projectId,
      invoiceId,
      subscriptionId,
      customerId,
      livemode,
      status: 'open',
      amountDue: 9900,
      currency: 'brl',
      failedAt,
      policy: defaultDunningPolicy,
      policyVersion: 0,
      nextRetryAt: new Date(failedAt.getTime() + 3 * DAY),
      graceUntil: new Date(failedAt.getTime() + 7 * DAY),
      payUrl: 'https://pay.test/in_1',
      correlationId: 'cor-1',
    }),
  )
  return invoiceId
}
