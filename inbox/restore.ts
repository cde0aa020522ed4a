import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { findSubscriptionOwner, listWaitingCases, listWaitingSubscriptions } from '../db/owners.ts'
import { describeFailure } from './describe-failure.ts'
import { dunningStart, subscriptionStart } from './starts.ts'

/** Starts what nobody else would start again after Temporal has lost its workflows: cases that are open, and subscriptions that
 *  are paused or past due. For these no event of Stripe's comes by itself. One that runs is left as it is, so this may be done at
 *  any time; what is started reads Stripe and the rows first. */

export interface RestoreOptions {
  system: Database
  temporal: Client
  logger: Logger
  /** Rows that are read at once. */
  page?: number
}

const START_DEADLINE_MS = 5_000

export async function restoreWaiting({
  system,
  temporal,
  logger,
  page = 200,
}: RestoreOptions): Promise<void> {
  for await (const { projectId, subscriptionId } of pages(
    listWaitingSubscriptions,
    (one) => one.subscriptionId,
  )) {
    const subscription = await findSubscriptionOwner(system, { projectId, subscriptionId })
    if (!subscription) continue
    await start(subscriptionId, () =>
      temporal.workflow.start('subscription', subscriptionStart(subscription)),
    )
  }
  for await (const { projectId, subscriptionId, invoiceId } of pages(
    listWaitingCases,
    (one) => one.invoiceId,
  )) {
    const subscription = await findSubscriptionOwner(system, { projectId, subscriptionId })
    if (!subscription || subscription.status === 'canceled') continue
    await start(invoiceId, () => temporal.workflow.start('dunning', dunningStart(subscription, invoiceId)))
  }

  async function* pages<Row>(
    list: (system: Database, from: { after: string; limit: number }) => Promise<Row[]>,
    keyOf: (row: Row) => string,
  ) {
    for (let after = ''; ;) {
      const rows = await list(system, { after, limit: page })
      yield* rows
      const last = rows.at(-1)
      if (last === undefined || rows.length < page) return
      after = keyOf(last)
    }
  }

  /** What could not be started comes again in the next round. */
  async function start(id: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await temporal.withDeadline(Date.now() + START_DEADLINE_MS, call)
    } catch (error) {
      logger.warn({ id, reason: describeFailure(error) }, 'workflow not restored')
    }
  }
}
