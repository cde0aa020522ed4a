import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import { ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow'
import type { RefundDue } from '../activities/run-command.ts'
import type { Clock } from './clock.ts'
import { refundWorkflowId } from './ids.ts'
import type { SubscriptionInput } from './messages.ts'
import { searchAttributes } from './search-attributes.ts'

/** Money that goes back is a workflow of its own, which follows it long after the subscription has ended. */
export async function startRefund(
  { projectId, correlationId }: SubscriptionInput,
  clock: Clock,
  { refundId, opening }: RefundDue,
): Promise<void> {
  const carried = clock.input()
  const shown = workflowInfo().typedSearchAttributes
  try {
    await startChild('refund', {
      workflowId: refundWorkflowId(refundId),
      args: [{ version: 1, projectId, refundId, correlationId, opening, ...(carried && { clock: carried }) }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      typedSearchAttributes: shown.updateCopy([{ key: searchAttributes.status, value: 'pending' }]),
      staticSummary: `Refund of what ${opening.kind === 'late_payment' ? 'came too late' : 'is unused'}, to user ${shown.get(searchAttributes.user) ?? ''}`,
      staticDetails: `Of ${workflowInfo().workflowId}.`,
    })
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
  }
}
