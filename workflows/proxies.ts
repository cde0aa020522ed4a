import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { RecordActivities, StripeActivities } from '../activities/index.ts'
import { STRIPE_TASK_QUEUE } from './ids.ts'

/** Timeouts and retries, per dependency. Trouble with a connection is waited out for ever, with a cap on the wait; a real
 *  answer ends the retries at once (`failures.ts` marks it as final). */

export const stripe = proxyActivities<StripeActivities>({
  taskQueue: STRIPE_TASK_QUEUE,
  startToCloseTimeout: '2 minutes',
  // A worker that dies is noticed by its silence, not by the timeout.
  heartbeatTimeout: '8 seconds',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30 seconds' },
})

/** One short transaction each: local, which costs one history event instead of three and no trip to the server. */
export const record = proxyLocalActivities<RecordActivities>({
  startToCloseTimeout: '20 seconds',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10 seconds' },
})
