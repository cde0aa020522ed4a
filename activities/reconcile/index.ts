import { setTimeout as sleep } from 'node:timers/promises'
import { notePayouts, explainWaiting, takeInNews, takeInPage } from './take-in.ts'
import {
  beginReconciliation,
  countDifferences,
  endReconciliation,
  findReconciliation,
  type ReconciliationRow,
  saveProgress,
} from '../../db/reconciliations.ts'
import type { Finding, ReconciliationStatus, Stage } from '../../domain/reconciliation.ts'
import { stageAfter } from '../../domain/reconciliation.ts'
import { compareBalance } from './compare-balance.ts'
import type { ReconcileDependencies } from './dependencies.ts'
import { isOwnStage, lookForOurs, lookForTransactions } from './our-side.ts'
import { repairSome } from './repair.ts'
import { stillSo, stripeStage } from './stages.ts'

export interface ReconcileSubject {
  reconciliationId: string
}

/** How far a comparison has come. */
export interface ReconcileProgress {
  status: ReconciliationStatus
  stage: Stage
  cursor: string | null
  compared: number
  differences: number
  needPerson: number
}

/** How long one step goes on before the workflow sees how far it has come. */
const STEP_MS = 10_000
/** How long news may be on its way before it counts as a difference. */
const NEWS_MS = 2_000

/** Begins, or goes on with, a comparison.
 *  @returns the id of the one that runs, which may be another: then this one has nothing to do. */
export function createBeginReconciliation({ system, livemode }: ReconcileDependencies) {
  return async function beginReconciling(input: ReconcileSubject & { requestedBy: string }): Promise<string> {
    const row = await beginReconciliation(system, { ...input, livemode })
    return row.status === 'running' ? row.reconciliationId : ''
  }
}

/** Compares on from where the row says that the last step came to. Whatever a worker that dies has done since then is done
 *  again, with the same result. */
export function createReconcileStep(dependencies: ReconcileDependencies) {
  const { system } = dependencies
  return async function reconcileStep({
    reconciliationId,
    callsAtMost,
  }: ReconcileSubject & { callsAtMost: number }): Promise<ReconcileProgress> {
    const until = Date.now() + STEP_MS
    let row = await read(reconciliationId)
    while (row.status === 'running') {
      await advance(dependencies, row, callsAtMost)
      row = await read(reconciliationId)
      if (Date.now() > until) break
    }
    const counts = await countDifferences(system, [reconciliationId])
    const sum = (rows: typeof counts) => rows.reduce((total, { count }) => total + count, 0)
    const { status, stage, cursor, compared } = row
    return {
      status,
      stage,
      cursor,
      compared,
      differences: sum(counts),
      needPerson: sum(counts.filter((one) => one.status === 'needs_person')),
    }
  }

  async function read(reconciliationId: string): Promise<ReconciliationRow> {
    const row = await findReconciliation(system, reconciliationId)
    if (!row) throw new Error(`reconciliation ${reconciliationId} is missing`)
    return row
  }
}

interface Advanced {
  findings?: Finding[]
  seen?: string[]
  calls: number
  compared?: number
  foreign?: number
  /** Where this stage goes on; at its end there is none. */
  next?: string | undefined
  isDone: boolean
}

/** One page, or one of the things that are done at the end. */
async function advance(
  dependencies: ReconcileDependencies,
  row: ReconciliationRow,
  callsAtMost: number,
): Promise<void> {
  const { system } = dependencies
  const { reconciliationId, stage, cursor, brokenOffAt } = row
  const begunAt = row.startedAt
  // Out of calls in the middle of the walk: what was found is settled, and the next run goes on here.
  if (row.calls >= callsAtMost && isWalk(stage)) {
    await save({ stage: 'repair', cursor: null, brokenOffAt: { stage, cursor } }, { calls: 0, isDone: true })
    return
  }
  if (stage === 'balance') {
    const { balances, findings } = await compareBalance(dependencies, { begunAt })
    await save({ stage, cursor: null }, { calls: 1, isDone: true, findings })
    while ((await repairSome(dependencies, reconciliationId, { begunAt })) > 0);
    await endReconciliation(system, reconciliationId, { balances })
    return
  }
  const advanced = await runStage(dependencies, row, begunAt)
  if (!advanced.isDone) return save({ stage, cursor: advanced.next ?? null }, advanced)
  const following = stageAfter(stage) ?? 'balance'
  // The run before was broken off: what it had compared is not compared again.
  if (stage === 'take_in' && brokenOffAt) return save({ ...brokenOffAt, brokenOffAt: null }, advanced)
  await save({ stage: following, cursor: null }, advanced)

  function save(
    place: {
      stage: Stage
      cursor: string | null
      brokenOffAt?: { stage: Stage; cursor: string | null } | null
    },
    { findings = [], seen = [], calls, compared = 0, foreign = 0 }: Advanced,
  ): Promise<void> {
    return saveProgress(system, reconciliationId, { ...place, findings, seen, calls, compared, foreign })
  }
}

const isWalk = (stage: Stage) => stage !== 'repair' && stage !== 'balance'

async function runStage(
  dependencies: ReconcileDependencies,
  { reconciliationId, stage, cursor }: ReconciliationRow,
  begunAt: Date,
): Promise<Advanced> {
  const place = { reconciliationId, cursor: cursor ?? undefined }
  if (stage === 'take_in') {
    if (!(await takeInPage(dependencies))) return { calls: 1, isDone: false }
    await notePayouts(dependencies)
    return { calls: 2, isDone: true, findings: await explainWaiting(dependencies, { begunAt }) }
  }
  if (stage === 'repair') {
    const settled = await repairSome(dependencies, reconciliationId, { begunAt })
    return { calls: settled, isDone: settled === 0 }
  }
  const ofStripe = stripeStage(dependencies, stage)
  if (ofStripe) {
    const { next, findings, ...page } = await ofStripe.page(place.cursor)
    if (findings.length > 0) await sleep(NEWS_MS)
    // What was sold since the run began is news, and missing nowhere.
    if (findings.length > 0 && stage === 'balance_transactions') await takeInNews(dependencies)
    const confirmed = findings.length === 0 ? [] : await stillSo(ofStripe, findings)
    return { ...page, findings: confirmed, calls: 1 + findings.length, next, isDone: next === undefined }
  }
  if (isOwnStage(stage) || stage === 'our_balance_transactions') {
    const { next, ...page } = isOwnStage(stage)
      ? await lookForOurs(dependencies, stage, place)
      : await lookForTransactions(dependencies, place)
    return { ...page, next, isDone: next === undefined }
  }
  return { calls: 0, isDone: true }
}

export function createReconcileActivities(dependencies: ReconcileDependencies) {
  return {
    beginReconciling: createBeginReconciliation(dependencies),
    reconcileStep: createReconcileStep(dependencies),
  }
}
export type ReconcileActivities = ReturnType<typeof createReconcileActivities>
