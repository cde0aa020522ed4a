import { Client, Connection, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client'
import type { TemporalConfig } from '../config.ts'
import { CALLS_AT_MOST } from '../domain/reconciliation.ts'
import { temporalConnectionOptions } from '../providers/temporal.ts'
import { reconcileWorkflowId, TASK_QUEUE } from '../workflows/ids.ts'
import type { ReconcileInput } from '../workflows/messages.ts'

export const RECONCILE_SCHEDULE = 'quittance-reconcile'

/** Has Stripe's books compared with ours again and again. Safe to repeat: the schedule follows what is configured.
 *  @param everyMinutes 0 ends it. */
export async function ensureReconcileSchedule(config: TemporalConfig, everyMinutes: number): Promise<void> {
  const connection = await Connection.connect(await temporalConnectionOptions(config))
  try {
    const { schedule: schedules } = new Client({ connection, namespace: config.namespace })
    const handle = schedules.getHandle(RECONCILE_SCHEDULE)
    const exists = await handle.describe().then(
      () => true,
      (error: unknown) => {
        if (error instanceof ScheduleNotFoundError) return false
        throw error
      },
    )
    if (everyMinutes === 0) {
      if (exists) await handle.delete()
      return
    }
    const schedule = scheduleEvery(everyMinutes)
    if (exists) await handle.update((before) => ({ ...before, ...schedule }))
    else await schedules.create({ scheduleId: RECONCILE_SCHEDULE, ...schedule })
  } finally {
    await connection.close()
  }
}

function scheduleEvery(everyMinutes: number) {
  return {
    spec: { intervals: [{ every: `${everyMinutes} minutes` as const }] },
    action: {
      type: 'startWorkflow' as const,
      workflowType: 'reconcile',
      // Temporal adds the time of each run, which makes it the run's id.
      workflowId: reconcileWorkflowId('scheduled'),
      taskQueue: TASK_QUEUE,
      args: [{ version: 1, requestedBy: 'schedule', callsAtMost: CALLS_AT_MOST }] satisfies [ReconcileInput],
      staticSummary: "Comparison of Stripe's books with ours",
    },
    policies: {
      // One that takes longer than the interval is left to end.
      overlap: ScheduleOverlapPolicy.SKIP,
      // Runs that were missed while Temporal was away are made up for by the next.
      catchupWindow: '1 minute' as const,
    },
  }
}
