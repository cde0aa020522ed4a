import { sql } from 'drizzle-orm'
import type { CreditsConsumedData } from '../domain/event-data.ts'
import { messageKey } from '../domain/events.ts'
import { BillingError } from '../domain/errors.ts'
import { type Database, inProject } from './client.ts'
import { deriveId, mintId } from './mint-id.ts'
import { expireCredits, walletTransactionId } from './move-credits.ts'
import { sealed, shardOf } from './outbox.ts'
import { insufficient } from './wallet-movements.ts'
import { findWallet, holdKnownWallet, type ShownWallet, type WalletOwner } from './wallets.ts'

export interface Usage extends WalletOwner {
  /** Names what was used, for ever: the same usage is consumed once. */
  usageId: string
  /** Micro-dollars. */
  amount: number
  description: string | undefined
  actor: string
  correlationId: string
}

export interface Consumed {
  wallet: ShownWallet
  transactionId: string
  /** When it was consumed, by the clock of the customer. */
  occurredAt: string
}

/** What `consume_credits` answers. */
interface Answer {
  outcome:
    'consumed' | 'repeated' | 'usage_id_reused' | 'wallet_locked' | 'insufficient_credits' | 'lots_expired'
  wallet?: ShownWallet
  transaction?: { transaction_id: string; occurred_at: string; amount: number }
  available?: number
}

/** Consumes credits, in one statement that is its own transaction. No workflow takes part.
 *  @throws BillingError `insufficient_credits`, `wallet_locked`, `usage_id_reused`. */
export async function consumeCredits(database: Database, usage: Usage): Promise<Consumed> {
  let answer = await ask(database, usage)
  if (answer.outcome === 'lots_expired') {
    await recordExpired(database, usage)
    answer = await ask(database, usage)
  }
  const { outcome, wallet, transaction, available = 0 } = answer
  if (outcome === 'insufficient_credits') throw refusal(available, wallet)
  if (outcome === 'wallet_locked' || outcome === 'usage_id_reused') throw new BillingError(outcome)
  if (!wallet || !transaction) throw new Error(`consuming credits was answered with ${outcome}`)
  return {
    wallet,
    transactionId: transaction.transaction_id,
    occurredAt: new Date(transaction.occurred_at).toISOString(),
  }
}

/** Says what is left and, where credits are there that have to stay, why they are no help. */
function refusal(available: number, wallet: ShownWallet | undefined): BillingError {
  if (!wallet || wallet.balance === available) return insufficient(available)
  return new BillingError('insufficient_credits', {
    detail: `The wallet holds ${wallet.balance} micro-dollars of credits, of which ${wallet.minimum_balance} have to stay: ${available} are left that may be used.`,
    facts: { available, balance: wallet.balance, minimum_balance: wallet.minimum_balance },
  })
}

async function ask(database: Database, usage: Usage): Promise<Answer> {
  const { projectId, userId, livemode, amount, usageId, description, actor, correlationId } = usage
  const transactionId = walletTransactionId(usage, `usage/${usageId}`)
  const key = messageKey(projectId, userId)
  const context = { projectId, correlationId, intent: transactionId }
  const consumed: Omit<CreditsConsumedData, 'balance'> = {
    user_id: userId,
    transaction_id: transactionId,
    amount,
    usage_id: usageId,
    ...(description !== undefined && { description }),
  }
  const consumedEvent = {
    ...sealed(context, { type: 'credits.consumed', subject: userId }),
    data: consumed,
  }
  const lowBalanceEvent = {
    ...sealed(context, { type: 'credits.low_balance', subject: userId }),
    data: { user_id: userId },
  }
  const [row] = await database.execute<{ answer: Answer }>(sql`
    select consume_credits(
      project => ${projectId}, of_user => ${userId}, mode => ${livemode}, credits => ${amount}, usage => ${usageId},
      describing => ${description ?? null}, asking => ${actor}, correlation => ${correlationId},
      new_transaction_id => ${transactionId}, new_entry_id => ${deriveId('le', projectId, transactionId)},
      new_payment_id => ${mintId('pay')}, message_key => ${key}, shard => ${shardOf(key)},
      consumed_event => ${JSON.stringify(consumedEvent)}::text::jsonb,
      low_balance_event => ${JSON.stringify(lowBalanceEvent)}::text::jsonb
    ) as answer`)
  if (!row) throw new Error('consuming credits was not answered')
  return row.answer
}

/** The workflow that watches for expiry is late, or its time has come this very moment. */
function recordExpired(database: Database, owner: WalletOwner): Promise<void> {
  return inProject(database, owner.projectId, async (transaction) => {
    const wallet = await findWallet(transaction, owner)
    if (wallet) await expireCredits(await holdKnownWallet(transaction, wallet))
  })
}
