import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  setWorkflowOptions,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import type { ReconcileProgress } from '../activities/reconcile/index.ts'
import { ACCOUNT_BOOK } from '../domain/ledger.ts'
import { stageDescriptions } from '../domain/reconciliation.ts'
import { reconcileWorkflowId } from './ids.ts'
import { type ReconcileInput, state } from './messages.ts'
import { operatorDesk } from './operator-desk.ts'
import { beginReconciling, reconcileStep } from './proxies.ts'
import { searchAttributes } from './search-attributes.ts'
import { pinned } from './versioning.ts'

// Short: it ends with the release that began it.
setWorkflowOptions(pinned, reconcile)

/** Compares Stripe's books with ours, page by page, and has repaired what may be. How far it has come is a row: whatever dies on
 *  the way, the next step goes on from there. */
export async function reconcile(input: ReconcileInput): Promise<ReconcileProgress | undefined> {
  const { requestedBy, callsAtMost } = input
  const reconciliationId = workflowInfo().workflowId.slice(reconcileWorkflowId('').length)
  let progress: ReconcileProgress | undefined
  const desk = operatorDesk({
    projectId: ACCOUNT_BOOK,
    subjectId: reconciliationId,
    correlationId: reconciliationId,
  })
  setHandler(state, () => ({
    status: progress?.status ?? ('running' as const),
    waitingFor: progress && progress.status !== 'running' ? 'nothing' : describe(progress),
    ...(desk.attention() && { attention: desk.attention() }),
  }))

  const running = await desk.attend('The comparison could not begin.', () =>
    beginReconciling({ reconciliationId, requestedBy }),
  )
  if (running !== reconciliationId) {
    setCurrentDetails(running ? `${running} is under way: there is one at a time.` : 'It has ended before.')
    return undefined
  }
  do {
    setCurrentDetails(`${describe(progress)}.${describeFound(progress)}`)
    const next = await desk.attend('Stripe did not let us read its books.', () =>
      reconcileStep({ reconciliationId, callsAtMost }, describe(progress)),
    )
    if (!next) break
    progress = next
    if (progress.status === 'running' && workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished)
      await continueAsNew<typeof reconcile>(input)
    }
  } while (progress.status === 'running')

  upsertSearchAttributes([{ key: searchAttributes.status, value: progress?.status ?? 'abandoned' }])
  setCurrentDetails(`The comparison has ended.${describeFound(progress)}`)
  await condition(allHandlersFinished)
  return progress
}

const describe = (progress: ReconcileProgress | undefined) => stageDescriptions[progress?.stage ?? 'take_in']

function describeFound(progress: ReconcileProgress | undefined): string {
  if (!progress) return ''
  const { compared, differences, needPerson } = progress
  const found = ` ${compared} objects compared, ${differences} differences found`
  return `${found}${needPerson > 0 ? `, of which ${needPerson} need a person` : ''}.`
}
