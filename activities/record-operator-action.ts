import { writeAudit } from '../db/audit.ts'
import { inProject } from '../db/client.ts'
import { once } from '../db/once.ts'
import type { ProjectId } from '../domain/ids.ts'
import type { ActivityDependencies } from './dependencies.ts'

export interface OperatorAction {
  projectId: ProjectId
  subjectId: string
  /** Names this one act: a repeated activity writes it once. */
  intent: string
  action: 'retry' | 'skip'
  reason: string
  by: string
  /** What the workflow was parked on. */
  attention: string
  correlationId: string
}

/** Remembers what an operator did to a parked workflow, and why. */
export function createRecordOperatorAction({ database, now }: ActivityDependencies) {
  return function recordOperatorAction(act: OperatorAction): Promise<boolean> {
    const { projectId, subjectId, intent, correlationId } = act
    return inProject(database, projectId, (transaction) =>
      once(transaction, { projectId, intent }, () =>
        writeAudit(transaction, {
          projectId,
          actor: act.by,
          action: `operator.${act.action}`,
          subjectId,
          why: act.reason,
          correlationId,
          stripeIds: [],
          before: { attention: act.attention },
          occurredAt: now(),
        }),
      ),
    )
  }
}
