import type { Client, HistoryAndWorkflowId } from '@temporalio/client'
import proto, { type temporal } from '@temporalio/proto'
import { Worker, type WorkflowBundleOption } from '@temporalio/worker'
import { explainBreak } from './explain-break.ts'

const { VERSIONING_BEHAVIOR_PINNED } = proto.temporal.api.enums.v1.VersioningBehavior

export interface Replayed {
  workflowId: string
  runId: string
  /** Why it would break; absent when it goes on. */
  reason?: string
}

/** Does with each open workflow what a new worker does that takes it up: runs the code along its history. Neither the server
 *  nor the workflows notice.
 *  @param query which of the open ones, in Temporal's query language; all when left out. */
export async function replayOpenWorkflows({
  client,
  bundle,
  query,
  limit = Number.POSITIVE_INFINITY,
  tell,
}: {
  client: Client
  bundle: WorkflowBundleOption
  query?: string | undefined
  limit?: number | undefined
  /** Hears of each when it has been replayed. */
  tell: (replayed: Replayed) => void
}): Promise<{
  replayed: number
  wouldBreak: number
  /** Never carried on by another release. */ pinned: number
}> {
  const counts = { replayed: 0, wouldBreak: 0, pinned: 0 }
  let current: temporal.api.history.v1.IHistory | undefined
  for await (const { workflowId, runId, error } of Worker.runReplayHistories(
    { workflowBundle: bundle },
    histories(),
  )) {
    counts.replayed += 1
    if (error) counts.wouldBreak += 1
    tell({ workflowId, runId, ...(error && { reason: explainBreak(error, current) }) })
  }
  return counts

  async function* histories(): AsyncGenerator<HistoryAndWorkflowId> {
    const open = ['ExecutionStatus = "Running"', ...(query ? [`(${query})`] : [])].join(' AND ')
    let listed = 0
    for await (const { workflowId, runId } of client.workflow.list({ query: open })) {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
      const decided = history.events?.findLast((event) => event.workflowTaskCompletedEventAttributes)
      // Nothing has been decided in it yet that the code could decide otherwise.
      if (!decided) continue
      if (decided.workflowTaskCompletedEventAttributes?.versioningBehavior === VERSIONING_BEHAVIOR_PINNED) {
        counts.pinned += 1
        continue
      }
      current = history
      yield { workflowId, history }
      if ((listed += 1) >= limit) return
    }
  }
}
