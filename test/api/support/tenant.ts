import { ownerOfPayment } from '../../../db/charge-owners.ts'
import { lockCharge } from '../../../db/charges.ts'
import { acceptRefund } from '../../../db/accept-refund.ts'
import { inProject } from '../../../db/client.ts'
import { insertDispute } from '../../../db/disputes.ts'
import { mintId } from '../../../db/mint-id.ts'
import { readPayment } from '../../../db/payments.ts'
import type { PaymentId, ProjectId } from '../../../domain/ids.ts'
import { parseId } from '../../../domain/ids.ts'
import { brl } from '../../support/snapshots.ts'
import { operatorKey, type TestApi } from './api.ts'
import { seedOpenCase, seedRunningSubscription } from './subscriptions.ts'

/** A project with one of each thing that can be asked for. */
export interface Tenant {
  projectId: string
  key: string
  userId: string
  /** Its things, by the parameter that names them. */
  named: Record<string, string>
}

export async function seedTenant(api: TestApi, userId: string): Promise<Tenant> {
  const { projectId: project, key } = await api.registerProject()
  const projectId = parseId('prj', project)
  const subscription = await seedRunningSubscription(api, { projectId, key }, { userId })
  const { paymentId, subscriptionId } = subscription
  const invoiceId = await seedOpenCase(api, subscription)
  const clock = await api.call('POST', '/api/v1/test-clocks', {
    key,
    body: { frozen_time: '2026-01-01T00:00:00Z' },
  })
  await api.call('POST', `/api/v1/wallets/${userId}/grant`, {
    key,
    body: { amount: 5_000, kind: 'bonus', grant_id: 'first', reason: 'Welcome' },
  })
  const keys = await api.call<{ data: { key_id: string }[] }>('GET', `/api/v1/projects/${projectId}/keys`, {
    key: operatorKey,
  })
  return {
    projectId,
    key,
    userId,
    named: {
      project_id: projectId,
      app_id: projectId,
      key_id: keys.body.data[0]?.key_id ?? '',
      user_id: userId,
      payment_id: paymentId,
      subscription_id: subscriptionId,
      invoice_id: invoiceId,
      clock_id: String(clock.body.id),
      payment_method_id: `pm_${subscriptionId}`,
      ...(await seedRefundAndDispute(api, projectId, paymentId)),
      // Of the whole installation; nobody has these.
      operator_id: 'op_00000000000000000000000000',
      reconciliation_id: 'rec_00000000000000000000000000',
    },
  }
}

/** As the workflows would have recorded them. */
async function seedRefundAndDispute(api: TestApi, projectId: ProjectId, paymentId: PaymentId) {
  const ids = { refund_id: mintId('rfd'), dispute_id: mintId('dsp') }
  const now = Date.now()
  const stripeChargeId = `ch_${paymentId}`
  const captured = {
    stripeChargeId,
    captured: brl(9_900),
    tax: 0,
    capturedAt: now,
    isDisputed: false,
    refunds: [],
  }
  await inProject(api.connections.application, projectId, async (transaction) => {
    const payment = await readPayment(transaction, projectId, paymentId)
    const charge = await lockCharge(transaction, ownerOfPayment(payment), captured)
    await acceptRefund(transaction, charge, captured, {
      refundId: ids.refund_id,
      amount: 100,
      reason: 'Because.',
      origin: 'request',
      terms: () => ({ status: 'awaiting_approval', subscriptionAction: 'keep' }),
      requestedBy: 'key_test',
      takesCredits: false,
      at: new Date(now),
      why: 'A test.',
    })
    await insertDispute(transaction, ids.dispute_id, charge, {
      stripeDisputeId: `du_${paymentId}`,
      stripeChargeId,
      status: 'needs_response',
      reason: 'fraudulent',
      amount: brl(9_900),
      openedAt: now,
      isWithdrawn: true,
    })
  })
  return ids
}
