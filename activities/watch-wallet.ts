import { inProject } from '../db/client.ts'
import { expireCredits } from '../db/move-credits.ts'
import { forgetDeadlines } from '../db/test-clocks.ts'
import { holdKnownWallet, updateWallet } from '../db/wallets.ts'
import { nextExpiry } from '../domain/credits.ts'
import type { CustomerId, ProjectId } from '../domain/ids.ts'
import { walletExpiryWorkflowId } from '../workflows/ids.ts'
import type { ActivityDependencies } from './dependencies.ts'

export interface WatchedWallet {
  projectId: ProjectId
  customerId: CustomerId
}

/** Times in milliseconds since 1970. */
export interface WalletLook {
  /** When the next lot expires; absent when none can. */
  nextExpiry?: number
  /** What time it is on the customer's test clock, if they hang on one. */
  clockNow?: number
}

/** When a workflow that should have recorded an expiry must be gone, and the sweep brings it back. */
const OVERDUE_MS = 60_000

/** Records what has expired, and tells when to come again. */
export function createWatchWallet({ database }: Pick<ActivityDependencies, 'database'>) {
  return function watchWallet({ projectId, customerId }: WatchedWallet): Promise<WalletLook> {
    return inProject(database, projectId, async (transaction) => {
      const held = await expireCredits(await holdKnownWallet(transaction, { projectId, customerId }))
      const next = nextExpiry(held.lots)
      const { clockId } = held.wallet
      // This look has seen all there is, and whoever adds more has the sweep tell of it. The time of a test clock says nothing to
      // the sweep: there, whoever moves the clock finds out who is gone.
      const expiryDueAt = next && clockId === null ? new Date(next.getTime() + OVERDUE_MS) : null
      await updateWallet(transaction, held.wallet, { expiryDueAt })
      // Under the wallet's lock, so that a lot that comes next is not forgotten with it.
      if (clockId !== null && !next)
        await forgetDeadlines(transaction, projectId, [walletExpiryWorkflowId(customerId)])
      return {
        ...(next && { nextExpiry: next.getTime() }),
        ...(clockId !== null && { clockNow: held.at.getTime() }),
      }
    })
  }
}
