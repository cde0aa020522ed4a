import { inProject } from '../db/client.ts'
import { subscriptionData } from '../db/subscriptions.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { openScene, type Subject, tell } from './scene.ts'
import { subscriptionNotice } from './subscription-events.ts'

/** Tells that a trial is about to end, once per end. */
export function createRecordTrialNotice({ database, now }: ActivityDependencies) {
  return function recordTrialNotice(subject: Subject): Promise<boolean> {
    return inProject(database, subject.projectId, async (transaction) => {
      const scene = await openScene(transaction, { subject, cause: { by: 'quittance' }, now: now() })
      const { subscription: found } = scene
      const trialEnd = found?.subscription.trialEnd
      if (!found || found.subscription.status !== 'trialing' || !trialEnd) return false
      const { subscriptionId } = subject
      const { amount, currency } = found.plan
      return tell(scene, {
        intent: `${subscriptionId}/trial-will-end/${trialEnd.toISOString()}`,
        action: 'subscription.trial_will_end',
        why: 'The trial ends soon.',
        occurredAt: scene.at,
        stripeIds: [subject.stripeSubscriptionId],
        events: [
          { type: 'subscription.trial_will_end', subject: subscriptionId, data: subscriptionData(found) },
          subscriptionNotice('trial_will_end', found, {
            trial_end: trialEnd.toISOString(),
            // A customer who ends the subscription before is charged nothing.
            ...(found.subscription.cancelAtPeriodEnd
              ? { is_canceled: true }
              : { amount: amount * found.subscription.quantity, currency }),
          }),
        ],
      })
    })
  }
}
