import { type Client, WorkflowNotFoundError } from '@temporalio/client'
import type { Ticker } from '../activities/dependencies.ts'
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
        throw error
      }
    },
  }
}
