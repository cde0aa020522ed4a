import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import { getExternalWorkflowHandle, ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow'
import type { Followed } from '../activities/record-look.ts'
import type { Subject } from '../activities/scene.ts'
import type { Clock } from './clock.ts'
import { caseTitle, dunningWorkflowId } from './ids.ts'
import { caseChanged, type SubscriptionInput } from './messages.ts'
import { searchAttributes } from './search-attributes.ts'

/** The unpaid invoices of a subscription: each is worked off by a workflow of its own. */
export function unpaidCases(
  { correlationId, startedCases }: SubscriptionInput,
  { subject, clock }: { subject: Subject; clock: Clock },
) {
  const started = new Set(startedCases)

  return {
    started: (): string[] => [...started],
    /** Its workflow has ended: should the case still be open, another is started. */
    forget: (invoiceId: string): void => void started.delete(invoiceId),

    /** One that already runs is adopted: this run was reset. */
    async start(
      invoiceIds: string[],
      { planId, amountsDue }: { planId: string | undefined; amountsDue: Followed['amountsDue'] },
    ): Promise<void> {
      for (const invoiceId of invoiceIds.filter((one) => !started.has(one))) {
        started.add(invoiceId)
        const carried = clock.input()
        const shown = workflowInfo().typedSearchAttributes
        try {
          await startChild('dunning', {
            workflowId: dunningWorkflowId(invoiceId),
            args: [
              {
                version: 1,
                ...subject,
                invoiceId,
                correlationId,
                seenEventIds: [],
                ...(carried && { clock: carried }),
              },
            ],
            parentClosePolicy: ParentClosePolicy.ABANDON,
            typedSearchAttributes: shown.updateCopy([{ key: searchAttributes.status, value: 'open' }]),
            staticSummary: caseTitle(shown.get(searchAttributes.user), planId, amountsDue?.[invoiceId]),
            staticDetails: `Of ${workflowInfo().workflowId}.`,
          })
        } catch (error) {
          if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
        }
      }
    },

    /** What we did may have ended its case: it looks for itself. One that has ended already needs no telling. */
    async tell(invoiceId: string): Promise<void> {
      try {
        await getExternalWorkflowHandle(dunningWorkflowId(invoiceId)).signal(caseChanged, {
          invoiceId,
          hasEnded: false,
        })
      } catch {
        started.delete(invoiceId)
      }
    },
  }
}
