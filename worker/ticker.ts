import { type Client, isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client'
import type { Ticker } from '../activities/dependencies.ts'
import { BillingError } from '../domain/errors.ts'
import { clockTicked } from '../workflows/messages.ts'

const SIGNAL_DEADLINE_MS = 5_000

/** Tells workflows on a test clock what time it is, over Temporal. */
export function createTicker(temporal: Client): Ticker {
  return {
    async tick(workflowId, at) {
      try {
        await temporal.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
          temporal.workflow.getHandle(workflowId).signal(clockTicked, { now: at }),
        )
        return true
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false
        // It passes, and is tried again: no defect of ours.
        if (error instanceof Error && isGrpcServiceError(error.cause))
          throw new BillingError('orchestrator_unavailable', { cause: error })
        throw error
      }
    },
  }
}
