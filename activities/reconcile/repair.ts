import { setTimeout as sleep } from 'node:timers/promises'
import { inProject } from '../../db/client.ts'
import { once } from '../../db/once.ts'
import { appendEvents } from '../../db/outbox.ts'
import { type DifferenceRow, listFound, settleDifference } from '../../db/reconciliations.ts'
import {
  differenceKey,
  explanationOf,
  type Finding,
  remedyOf,
  type Value,
} from '../../domain/reconciliation.ts'
import type { ReconcileDependencies } from './dependencies.ts'
import { stripeStage } from './stages.ts'
import { explainWaiting, takeIn } from './take-in.ts'

/** Differences that are worked on at once: their owners look at the same time. */
const AT_ONCE = 20
/** How long owners may take to look. */
const PATIENCE_MS = 20_000
const POLL_MS = 500

/** Has differences repaired where Stripe is right, and tells a person of the others.
 *  @returns how many were there to settle: none when all are settled. */
export async function repairSome(
  dependencies: ReconcileDependencies,
  reconciliationId: string,
  { begunAt }: { begunAt: Date },
): Promise<number> {
  const { system } = dependencies
  const found = await listFound(system, reconciliationId, AT_ONCE)
  for (const row of found) await startRepair(dependencies, row)
  let open = found.filter(({ kind }) => remedyOf(kind) !== 'person')
  const until = Date.now() + PATIENCE_MS
  for (;;) {
    // An owner that has entered its money explains the change of the balance.
    const sourceIds = open
      .filter(({ finding }) => finding.stage === 'charges')
      .map(({ finding }) => finding.stripeId)
      .filter((id) => id !== undefined)
    if (sourceIds.length > 0) await explainWaiting(dependencies, { begunAt, sourceIds })
    const left: DifferenceRow[] = []
    for (const row of open) {
      if (await isStillSo(dependencies, row.finding)) left.push(row)
      else await settleDifference(system, row, 'repaired')
    }
    open = left
    if (open.length === 0 || Date.now() > until) break
    await sleep(POLL_MS)
  }
  const forPersons = [...open, ...found.filter(({ kind }) => remedyOf(kind) === 'person')]
  for (const row of forPersons) {
    await alert(dependencies, row)
    await settleDifference(system, row, 'needs_person')
  }
  return found.length
}

async function startRepair(
  dependencies: ReconcileDependencies,
  { reconciliationId, key, finding, foundAt }: DifferenceRow,
): Promise<void> {
  const remedy = remedyOf(finding.kind)
  if (remedy === 'look' && finding.owner)
    // The same for a repair that is repeated: the inbox stores it once.
    await dependencies.tellOwner(finding.owner, {
      eventId: `reconcile/${reconciliationId}/${key}`,
      at: foundAt,
    })
  if (remedy === 'take_in' && finding.stripeId !== undefined) {
    const transaction = await dependencies.books.balanceTransactions.read(finding.stripeId)
    if (transaction) await takeIn(dependencies, transaction)
  }
}

async function isStillSo(dependencies: ReconcileDependencies, finding: Finding): Promise<boolean> {
  const stage = stripeStage(dependencies, finding.stage)
  if (!stage || finding.stripeId === undefined) return true
  const now = await stage.again(finding.stripeId)
  return now.some((other) => differenceKey(other) === differenceKey(finding))
}

/** Tells of a difference once, however many runs find it, unless it changes. */
async function alert(
  { database }: ReconcileDependencies,
  { reconciliationId, key, finding }: DifferenceRow,
): Promise<void> {
  const { projectId, kind, subjectId, stripeId, ours, stripes } = finding
  const userId = finding.userId || 'stripe-account'
  const intent = `difference/${key}/${JSON.stringify([ours, stripes])}`
  await inProject(database, projectId, (transaction) =>
    once(transaction, { projectId, intent }, () =>
      appendEvents(
        transaction,
        {
          projectId,
          // What no user has caused has a stream of its own.
          userId,
          correlationId: reconciliationId,
          intent,
          occurredAt: new Date(),
        },
        [
          {
            type: 'alert.reconciliation_difference',
            subject: subjectId ?? stripeId ?? projectId,
            data: {
              reconciliation_id: reconciliationId,
              kind,
              explanation: explanationOf(kind),
              user_id: userId,
              ...(subjectId && { subject_id: subjectId }),
              ...(stripeId && { stripe_id: stripeId }),
              ours: asTexts(ours),
              stripes: asTexts(stripes),
            },
          },
        ],
      ),
    ),
  )
}

const asTexts = (value: Value = {}) =>
  Object.fromEntries(Object.entries(value).map(([name, said]) => [name, String(said)]))
