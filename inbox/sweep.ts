import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import type { Database } from '../db/client.ts'
import { claimDuePayments, type DuePayment, makePaymentDue } from '../db/due-payments.ts'
import { claimDueEvents } from '../db/inbox.ts'
import { findClockOf } from '../db/owners.ts'
import { claimDueRefunds, type RefundOwner } from '../db/refunds.ts'
import {
  claimDueTopUps,
  claimWalletsToWatch,
  type DueTopUp,
  makeTopUpDue,
  type WatchedWallet,
} from '../db/top-ups.ts'
import { walletChanged } from '../workflows/messages.ts'
import type { Dispatcher } from './dispatch.ts'
import { checkoutStart, refundStart, topUpStart, walletExpiryStart } from './starts.ts'

/** One round of taking up what was stored and whose workflow was not told: the process that stored it died, Temporal was away,
 *  or there was too much at once. Any number of processes may sweep; each row is taken by one of them. */

export interface SweepOptions {
  system: Database
  temporal: Client
  dispatcher: Dispatcher
  logger: Logger
  /** Rows of each kind in a round. */
  limit?: number
}

export interface SweepRound {
  done: number
  /** Put off again. */
  failed: number
  /** Whether there may be more that is due. */
  more: boolean
}

/** Longer than a round takes in which every signal runs into its deadline. */
const EVENT_LEASE_S = 30
/** A checkout that runs is found running; one that cannot open its page within this time is looked at again. */
const PAYMENT_POSTPONED_S = 300
const PAYMENT_RETRY_S = 15
const REFUND_POSTPONED_S = 60
const START_DEADLINE_MS = 5_000

export async function sweep(options: SweepOptions): Promise<SweepRound> {
  const { system, dispatcher, limit = 64 } = options
  const events = await claimDueEvents(system, { limit, lease_s: EVENT_LEASE_S })
  const payments = await claimDuePayments(system, { limit, postpone_s: PAYMENT_POSTPONED_S })
  const refunds = await claimDueRefunds(system, { limit, postpone_s: REFUND_POSTPONED_S })
  const topUps = await claimDueTopUps(system, { limit, postpone_s: PAYMENT_POSTPONED_S })
  const wallets = await claimWalletsToWatch(system, { limit, postpone_s: PAYMENT_RETRY_S })
  const results = await Promise.all([
    ...events.map(async (event) => (await dispatcher.dispatch(event)) === 'handled'),
    ...payments.map((payment) => startCheckout(options, payment)),
    ...refunds.map((refund) => startRefund(options, refund)),
    ...topUps.map((topUp) => startTopUp(options, topUp)),
    ...wallets.map((wallet) => tellWallet(options, wallet)),
  ])
  const done = results.filter(Boolean).length
  return {
    done,
    failed: results.length - done,
    more: [events, payments, refunds, topUps, wallets].some(({ length }) => length === limit),
  }
}

/** @returns whether Temporal took it. */
async function startCheckout(
  { system, temporal, logger }: SweepOptions,
  payment: DuePayment,
): Promise<boolean> {
  const { paymentId } = payment
  try {
    await temporal.withDeadline(Date.now() + START_DEADLINE_MS, () =>
      temporal.workflow.start('checkout', checkoutStart(payment)),
    )
    logger.info({ paymentId }, 'checkout started for a payment that nobody had taken up')
    return true
  } catch (error) {
    logger.warn({ paymentId, error: error instanceof Error ? error.name : 'unknown' }, 'checkout not started')
    await makePaymentDue(system, payment, PAYMENT_RETRY_S)
    return false
  }
}

/** One whose start fails comes again. */
async function startRefund(
  { system, temporal, logger }: SweepOptions,
  refund: RefundOwner,
): Promise<boolean> {
  const { refundId } = refund
  try {
    const start = refundStart({ ...refund, clockId: await findClockOf(system, refund) })
    await temporal.withDeadline(Date.now() + START_DEADLINE_MS, () =>
      temporal.workflow.start('refund', start),
    )
    logger.info({ refundId }, 'refund started that nobody had taken up')
    return true
  } catch (error) {
    logger.warn({ refundId, error: error instanceof Error ? error.name : 'unknown' }, 'refund not started')
    return false
  }
}

/** @returns whether Temporal took it. */
async function startTopUp({ system, temporal, logger }: SweepOptions, topUp: DueTopUp): Promise<boolean> {
  const { paymentId } = topUp
  try {
    await temporal.withDeadline(Date.now() + START_DEADLINE_MS, () =>
      temporal.workflow.start('topUp', topUpStart(topUp)),
    )
    return true
  } catch (error) {
    logger.warn({ paymentId, error: error instanceof Error ? error.name : 'unknown' }, 'top-up not started')
    await makeTopUpDue(system, topUp, PAYMENT_RETRY_S)
    return false
  }
}

/** What it was told of is forgotten by its own look at the wallet; until then it is told again.
 *  @returns whether Temporal took it. */
async function tellWallet({ temporal, logger }: SweepOptions, wallet: WatchedWallet): Promise<boolean> {
  const { customerId } = wallet
  try {
    await temporal.withDeadline(Date.now() + START_DEADLINE_MS, () =>
      temporal.workflow.signalWithStart('walletExpiry', {
        ...walletExpiryStart(wallet),
        signal: walletChanged,
        signalArgs: [],
      }),
    )
    return true
  } catch (error) {
    logger.warn({ customerId, error: error instanceof Error ? error.name : 'unknown' }, 'wallet not watched')
    return false
  }
}
