import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import proto from '@temporalio/proto'
import type { Product } from './product.ts'
import { listWorkflows } from './workflow-health.ts'

type ResetRequest = Parameters<Client['workflowService']['resetWorkflowExecution']>[0]

/** A workflow task of one run, to which the run can be reset: everything after it is then done again. */
export interface ResetPoint {
  workflowId: string
  runId: string
  /** The event that ended the task. */
  eventId: ResetRequest['workflowTaskFinishEventId']
}

/** Every workflow task of every run that these workflows have had so far. */
export async function resetPoints(product: Product, workflowIds: string[]): Promise<ResetPoint[]> {
  const points: ResetPoint[] = []
  for (const workflowId of workflowIds) {
    for (const { runId } of await listWorkflows(product, `WorkflowId = '${workflowId}'`)) {
      const { events } = await product.temporal.workflow.getHandle(workflowId, runId).fetchHistory()
      for (const { eventId, workflowTaskCompletedEventAttributes: completed } of events ?? [])
        if (completed) points.push({ workflowId, runId, eventId })
    }
  }
  return points
}

/** Resets a run as an operator does in Temporal UI. The workflow's current run is ended, if there is one; signals and updates
 *  that came after the point are given to the new run. */
export async function reset(
  { temporal }: Product,
  { workflowId, runId, eventId }: ResetPoint,
): Promise<void> {
  await temporal.workflowService.resetWorkflowExecution({
    namespace: temporal.options.namespace,
    workflowExecution: { workflowId, runId },
    reason: 'a test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: eventId,
    resetReapplyType: proto.temporal.api.enums.v1.ResetReapplyType.RESET_REAPPLY_TYPE_ALL_ELIGIBLE,
  })
}

/** Waits until none of these workflows is at work: each has ended, or waits with nothing under way.
 *  @throws Error naming those that do not come to rest. */
export async function untilAtRest(
  { temporal }: Product,
  workflowIds: string[],
  within_ms = 60_000,
): Promise<void> {
  const deadline = Date.now() + within_ms
  // Between the task of one and the signal it sent to another all may look at rest: so they are asked twice.
  for (let seen = '', before = 'unknown'; seen !== before;) {
    if (Date.now() > deadline) throw new Error(`not at rest: ${seen}`)
    before = seen
    const looks = await Promise.all(workflowIds.map(look))
    seen = looks.map(({ words }) => words).join(', ')
    if (looks.some(({ isAtWork }) => isAtWork)) before = 'at work'
    await sleep(100)
  }

  async function look(workflowId: string): Promise<{ isAtWork: boolean; words: string }> {
    const { raw, status, runId, historyLength } = await temporal.workflow.getHandle(workflowId).describe()
    const hasWork = (raw.pendingActivities ?? []).length > 0 || Boolean(raw.pendingWorkflowTask)
    return {
      isAtWork: status.name === 'CONTINUED_AS_NEW' || (status.name === 'RUNNING' && hasWork),
      words: `${workflowId} ${runId} ${status.name} ${historyLength}`,
    }
  }
}
