import { getExternalWorkflowHandle } from '@temporalio/workflow'
import type { Subject } from '../activities/scene.ts'
import type { Clock } from './clock.ts'
import { subscriptionWorkflowId } from './ids.ts'
import { cancelNow } from './messages.ts'
import type { operatorDesk } from './operator-desk.ts'
import { stripe } from './proxies.ts'

/** Ends a subscription from another workflow: through its own, so that no charge and no other command crosses it. */
export async function endSubscription(
  subject: Subject,
  request: { commandId: string; by: string; reason: string },
  { desk, clock }: { desk: ReturnType<typeof operatorDesk>; clock: Clock },
): Promise<void> {
  try {
    await getExternalWorkflowHandle(subscriptionWorkflowId(subject.subscriptionId)).signal(cancelNow, request)
  } catch {
    // It does not run: nobody's command can be crossed.
    const { commandId, by, reason } = request
    await desk.attend('The subscription could not be ended.', () =>
      stripe.runCommand({
        ...subject,
        commandId,
        command: { kind: 'cancel', at: 'now', keepsMoney: true },
        cause: { by, why: reason },
        at: clock.now(),
      }),
    )
  }
}
