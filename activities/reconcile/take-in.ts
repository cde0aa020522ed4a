import {
  type BalanceTransactionRow,
  findMovement,
  findPaidEntry,
  forgetCursor,
  insertBalanceTransaction,
  listPayouts,
  listUnexplained,
  lockBalanceTransaction,
  notePayout,
  readCursor,
  saveCursor,
  setState,
} from '../../db/balance-transactions.ts'
import { inProject, type Transaction } from '../../db/client.ts'
import { enterLedger } from '../../db/ledger.ts'
import { once } from '../../db/once.ts'
import { findOwners, type OwnerId } from '../../db/stripe-objects.ts'
import {
  type BalanceSource,
  type BalanceTransaction,
  balanceTransfers,
  exchangeTransfers,
  isOfAccount,
  isOfOwner,
  releaseTransfers,
  suspenseTransfers,
} from '../../domain/balance-transactions.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId, type ProjectId } from '../../domain/ids.ts'
import { ACCOUNT_BOOK, type Transfer } from '../../domain/ledger.ts'
import type { Finding } from '../../domain/reconciliation.ts'
import type { ReconcileDependencies } from './dependencies.ts'

/** Takes Stripe's balance transactions into our books, each once, with the ledger entry that explains what nothing else has
 *  entered: fees, exchange, payouts. Payments, refunds and disputes are entered by the workflows that own them, and are only
 *  found here. Safe to repeat: each transaction is a row, and its entries have intents. */

/** One page further in the list of balance transactions: first all of the past, from the newest to the oldest, then what has
 *  come since, from the oldest to the newest.
 *  @returns whether that was all there is. */
export async function takeInPage(dependencies: ReconcileDependencies): Promise<boolean> {
  const { system, books, livemode } = dependencies
  const cursor = await readCursor(system, livemode)
  if (cursor && cursor.oldest === null) {
    const newer = await newerThan(dependencies, cursor.newest)
    if (!newer) return false
    for (const transaction of newer.toReversed()) await takeIn(dependencies, transaction)
    const [newest] = newer
    if (!newest) return true
    await saveCursor(system, livemode, { newest: newest.balanceTransactionId, oldest: null })
    return false
  }
  const { items, next } = await books.balanceTransactions.list(cursor?.oldest ?? undefined)
  for (const transaction of items) await takeIn(dependencies, transaction)
  const newest = cursor?.newest ?? items[0]?.balanceTransactionId
  if (newest === undefined) return true
  await saveCursor(system, livemode, { newest, oldest: next ?? null })
  return false
}

/** More than come while others are counted. */
const PAGES_OF_NEWS = 20

/** Takes in what has come since, once the past is taken in. */
export async function takeInNews(dependencies: ReconcileDependencies): Promise<void> {
  for (let page = 0; page < PAGES_OF_NEWS && !(await takeInPage(dependencies)); page += 1);
}

/** @returns `undefined` when Stripe does not know any more where we were: then the list is read anew. */
async function newerThan(
  { system, books, livemode }: ReconcileDependencies,
  newest: string,
): Promise<BalanceTransaction[] | undefined> {
  try {
    return await books.balanceTransactionsAfter(newest)
  } catch (error) {
    if (!(error instanceof BillingError) || error.code !== 'provider_object_missing') throw error
    await forgetCursor(system, livemode)
    return undefined
  }
}

/** Takes one in. */
export async function takeIn(
  dependencies: ReconcileDependencies,
  transaction: BalanceTransaction,
): Promise<void> {
  const { database, livemode } = dependencies
  const { projectId, explanation, intent: explainedBy, userId } = await explain(dependencies, transaction)
  await inProject(database, projectId, async (tx) => {
    const isNew = await insertBalanceTransaction(tx, transaction, {
      projectId,
      livemode,
      userId,
      state: explanation === 'nobody' ? 'waiting' : 'explained',
      explainedBy,
    })
    if (!isNew) return
    await enter(
      tx,
      { projectId, userId, transaction },
      'taken-in',
      balanceTransfers(transaction, explanation),
    )
  })
}

interface Explained {
  projectId: ProjectId
  explanation: 'owner' | 'itself' | 'foreign' | 'nobody'
  /** The entry that explains its money. */
  intent: string | null
  userId: string
}

/** Whose money it is, and what has entered it. */
async function explain(
  dependencies: ReconcileDependencies,
  transaction: BalanceTransaction,
): Promise<Explained> {
  const { system, livemode } = dependencies
  const { source } = transaction
  const ofAccount = { projectId: ACCOUNT_BOOK, intent: intentOf(transaction, 'taken-in'), userId: '' }
  if (isOfAccount(transaction)) return { ...ofAccount, explanation: 'itself' }
  const nobody = { explanation: 'nobody', intent: null, userId: '' } as const
  if (!isOfOwner(transaction) || !source) return { ...nobody, projectId: ACCOUNT_BOOK }

  const ids = [source.sourceId, source.chargeId, source.paymentIntentId, source.customerId]
  const stripeIds = ids.filter((id) => id !== undefined)
  const owners = await findOwners(system, { stripeIds, livemode })
  const owner = stripeIds.map((id) => owners.get(id)).find((found) => found !== undefined)
  if (!owner) return { ...ofAccount, explanation: 'foreign' }
  const { projectId } = owner
  const entered =
    source.kind === 'charge'
      ? await findPayment(dependencies, projectId, source)
      : await findReturn(dependencies, { projectId, ownerId: owner.ownerId }, source)
  return entered ? { ...entered, projectId, explanation: 'owner' } : { ...nobody, projectId }
}

/** The entry in which the owner of a charge has entered its money. */
async function findPayment(
  { database, books }: ReconcileDependencies,
  projectId: ProjectId,
  { paymentIntentId }: BalanceSource,
): Promise<{ intent: string; userId: string } | undefined> {
  if (paymentIntentId === undefined) return undefined
  const find = (paid: { paymentIntentId: string } | { invoiceId: string }) =>
    inProject(database, projectId, (transaction) => findPaidEntry(transaction, projectId, paid))
  const ofPayment = await find({ paymentIntentId })
  if (ofPayment) return ofPayment
  const invoiceId = await books.invoiceOfPayment(paymentIntentId)
  return invoiceId === undefined ? undefined : find({ invoiceId })
}

/** The entry in which the owner of a refund or a dispute has entered what went back, or came back. */
async function findReturn(
  { database }: ReconcileDependencies,
  { projectId, ownerId }: { projectId: ProjectId; ownerId: OwnerId },
  { amount }: BalanceSource,
): Promise<{ intent: string; userId: string } | undefined> {
  const intents = movementsOf(ownerId)
  // As long as nobody but the payment knows of it, it is not entered.
  if (!amount || intents.length === 0) return undefined
  return inProject(database, projectId, (transaction) =>
    findMovement(transaction, projectId, { intents, amount }),
  )
}

/** More often than money goes to and fro in any dispute. */
const MOVEMENTS = 12

/** Under which intents a refund or a dispute enters money. */
function movementsOf(ownerId: OwnerId): string[] {
  if (isId('rfd', ownerId)) return [`${ownerId}/made`, `${ownerId}/returned`]
  if (!isId('dsp', ownerId)) return []
  return Array.from({ length: MOVEMENTS }, (_, index) => index + 1).flatMap((movement) => [
    `${ownerId}/withdrawn/${movement}`,
    `${ownerId}/reinstated/${movement}`,
  ])
}

/** How many are looked at again at once. */
const AT_ONCE = 500

/** Looks again at those that nobody had explained: an owner may have entered its money since. What no earlier run could explain
 *  either is held in suspense, so that our balance is Stripe's, and told to a person.
 *  @returns a finding for each that is still unexplained. */
export async function explainWaiting(
  dependencies: ReconcileDependencies,
  { begunAt, sourceIds }: { begunAt: Date; sourceIds?: string[] },
): Promise<Finding[]> {
  const { system, books, livemode } = dependencies
  const findings: Finding[] = []
  for (const row of await listUnexplained(system, { livemode, limit: AT_ONCE, sourceIds })) {
    const transaction = await books.balanceTransactions.read(row.balanceTransactionId)
    // One that Stripe does not know any more is found by its own comparison.
    if (!transaction) continue
    const { explanation, projectId, intent, userId } = await explain(dependencies, transaction)
    if (explanation === 'owner' && projectId === row.projectId) {
      await release(dependencies, row, transaction, { intent, userId })
      continue
    }
    if (row.state === 'waiting' && row.takenInAt >= begunAt && isOfOwner(transaction)) continue
    await suspend(dependencies, row, transaction)
    findings.push({
      kind: 'balance_transaction_unexplained',
      stage: 'take_in',
      projectId: row.projectId,
      stripeId: row.balanceTransactionId,
      stripes: { type: row.type, source: row.sourceId, amount: row.amount, currency: row.currency },
    })
  }
  return findings
}

async function release(
  { database }: ReconcileDependencies,
  { projectId, balanceTransactionId }: BalanceTransactionRow,
  transaction: BalanceTransaction,
  { intent, userId }: { intent: string | null; userId: string },
): Promise<void> {
  await inProject(database, projectId, async (tx) => {
    const row = await lockBalanceTransaction(tx, { projectId, balanceTransactionId })
    if (!row || row.state === 'explained') return
    const transfers =
      row.state === 'suspended' ? releaseTransfers(transaction) : exchangeTransfers(transaction)
    await enter(tx, { projectId, userId, transaction }, 'explained', transfers)
    await setState(tx, row, { state: 'explained', explainedBy: intent })
  })
}

async function suspend(
  { database }: ReconcileDependencies,
  { projectId, balanceTransactionId }: BalanceTransactionRow,
  transaction: BalanceTransaction,
): Promise<void> {
  await inProject(database, projectId, async (tx) => {
    const row = await lockBalanceTransaction(tx, { projectId, balanceTransactionId })
    if (row?.state !== 'waiting') return
    await enter(
      tx,
      { projectId, userId: row.userId, transaction },
      'suspended',
      suspenseTransfers(transaction),
    )
    await setState(tx, row, { state: 'suspended', explainedBy: null })
  })
}

/** What Stripe pays out at once, and how much of it one run notes. */
const PAYOUTS_AT_ONCE = 20
const PAYOUT_PAGES = 20

/** Notes which transactions each payout was made of. */
export async function notePayouts({ system, books, livemode }: ReconcileDependencies): Promise<void> {
  for (const { sourceId, balanceTransactionId } of await listPayouts(system, {
    livemode,
    limit: PAYOUTS_AT_ONCE,
  })) {
    if (sourceId === null) continue
    let after: string | undefined
    for (let page = 0; page < PAYOUT_PAGES; page += 1) {
      const { items, next } = await books.transactionsOfPayout(sourceId, after)
      await notePayout(system, sourceId, items)
      after = next
      if (after === undefined) break
    }
    await notePayout(system, sourceId, [balanceTransactionId])
  }
}

type Step = 'taken-in' | 'suspended' | 'explained'

const intentOf = ({ balanceTransactionId }: BalanceTransaction, step: Step) =>
  `${balanceTransactionId}/${step}`

/** Once for each transaction and step, also where a row was lost and is taken in again. */
async function enter(
  tx: Transaction,
  {
    projectId,
    userId,
    transaction,
  }: { projectId: ProjectId; userId: string; transaction: BalanceTransaction },
  step: Step,
  transfers: Transfer[],
): Promise<void> {
  const intent = intentOf(transaction, step)
  const occurredAt = new Date(transaction.createdAt)
  await once(tx, { projectId, intent }, () =>
    enterLedger(tx, { projectId, userId, intent, occurredAt, transfers }),
  )
}
