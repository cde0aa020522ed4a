import { inProject } from '../db/client.ts'
import { readCase, updateCase } from '../db/dunning.ts'
import { updateSubscription } from '../db/subscriptions.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { endGrace } from './dunning-steps.ts'
import { openScene, type Subject, tell } from './scene.ts'

/** Writes that an operator goes on without the end that the policy of an exhausted case names: from here on it is as if the
 *  policy had been to leave the subscription past due. In memory alone the next run would end it after all. */
export function createLeaveExhausted({ database, now }: ActivityDependencies) {
  return function leaveExhausted({ invoiceId, ...subject }: Subject & { invoiceId: string }): Promise<void> {
    const { projectId } = subject
    return inProject(database, projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause: { by: 'quittance' }, now: now() })
      if (!scene.subscription || scene.subscription.subscription.status === 'canceled') return
      // What is not ended may be charged again: later invoices have cases of their own.
      const { plan } = scene.subscription
      const subscription = {
        plan,
        subscription: await updateSubscription(transaction, scene.subscription.subscription, {
          closingAt: null,
        }),
      }
      const found = await readCase(transaction, projectId, invoiceId)
      if (found.status !== 'exhausted' || found.endActionAt !== null) return
      await endGrace(scene, { found, subscription })
      const policy = { ...found.policy, onExhausted: 'leave_past_due' as const }
      await updateCase(transaction, found, { policy, endActionAt: scene.at })
      await tell(scene, {
        intent: `${invoiceId}/left-alone`,
        action: 'dunning.left_past_due',
        why: 'An operator went on without the end that the policy names.',
        occurredAt: scene.at,
        stripeIds: [invoiceId],
        policyVersion: found.policyVersion,
        before: { on_exhausted: found.policy.onExhausted },
        after: { on_exhausted: policy.onExhausted },
        events: [],
      })
    })
  }
}
