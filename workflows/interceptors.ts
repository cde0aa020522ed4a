import { CancellationScope, workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow'
import { describeTime, now } from './clock.ts'
import { showLasting } from './details.ts'

/** *Request Cancellation* of Temporal UI would end a workflow without telling Stripe, which would go on charging. So none of
 *  ours hears it: it says instead which update does what was probably meant. */
export const interceptors = (): WorkflowInterceptors => ({
  inbound: [
    {
      execute(input, next) {
        CancellationScope.current().cancelRequested.catch(() => {
          showLasting(
            `**A cancellation was requested at ${describeTime(now())} and ignored: nothing has ended.** ${instead()}`,
          )
        })
        return CancellationScope.nonCancellable(() => next(input))
      },
      // Handlers run outside of the story's scope.
      handleUpdate: (input, next) => CancellationScope.nonCancellable(() => next(input)),
    },
  ],
})

function instead(): string {
  switch (workflowInfo().workflowType) {
    case 'subscription':
      return 'To end the subscription, send the update `cancel` with `{ "at": "now", "reason": "…", "by": "…" }`.'
    case 'dunning':
      return 'To collect nothing more, send the update `cancel` with `{ "at": "now", "reason": "…", "by": "…" }` to the subscription, its parent workflow. To go on without the next step, send `skip` to this one.'
    case 'checkout':
      return 'Nothing is charged unless the customer pays, and the page closes by itself within a day.'
    case 'refund':
      return 'A refund that waits for a second person is rejected over the API; one that Stripe has made cannot be taken back.'
    default:
      return 'This workflow ends by itself when it has done what was asked of it.'
  }
}
