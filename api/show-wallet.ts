import type { z } from '@hono/zod-openapi'
import type { ShownWallet, WalletTransactionRow } from '../db/wallets.ts'
import type { transactionPage, walletShown } from './schemas/wallets.ts'

/** A user who never had credits has an empty wallet. */
const emptyWallet: Omit<ShownWallet, 'user_id'> = {
  balance: 0,
  available: 0,
  locked: false,
  lock_reason: null,
  minimum_balance: 0,
  low_balance_threshold: null,
  auto_top_up: null,
  lots: [],
}

/** Credits are micro-dollars, so a wallet is one of dollars. */
export const walletAsShown = (
  wallet: ShownWallet | undefined,
  userId: string,
): z.infer<typeof walletShown> => ({ ...(wallet ?? { user_id: userId, ...emptyWallet }), currency: 'usd' })

export const transactionAsShown = (
  row: WalletTransactionRow,
): z.infer<typeof transactionPage>['data'][number] => ({
  transaction_id: row.transactionId,
  kind: row.kind,
  amount: row.amount,
  balance_after: row.balanceAfter,
  reference: row.reference,
  description: row.description,
  lots: row.lots,
  number: row.number,
  price:
    row.moneyMinor === null || row.moneyCurrency === null
      ? null
      : { amount: row.moneyMinor, currency: row.moneyCurrency },
  by: row.actor,
  occurred_at: row.occurredAt.toISOString(),
})
