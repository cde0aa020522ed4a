import { z } from '@hono/zod-openapi'
import { journalFormats } from '../../domain/journal.ts'
import { ledgerAccounts } from '../../domain/ledger.ts'
import { TIMES_IN_REACH } from '../../domain/times.ts'
import { must, ourId, page, paging, time, timestamp, userId } from './fields.ts'

const boundRule = must(
  `must be an RFC 3339 time ${TIMES_IN_REACH} such as "2027-01-31T12:00:00Z"; leave it out for no bound.`,
)
const bound = time(boundRule)
  .transform((text) => new Date(text))
  .optional()
  .openapi({ type: 'string', format: 'date-time', example: '2027-01-31T12:00:00Z' })

const accountRule = must(`must be one of ${ledgerAccounts.join(', ')}.`)
const account = z.enum(ledgerAccounts, accountRule)

const paymentRule = must('must be the id of a payment ("pay_…").')
const paymentId = ourId('pay', paymentRule).optional()

export const accountQuery = z.strictObject({
  user_id: userId.optional().openapi({ description: 'What of each balance is due to this user.' }),
  at: bound.openapi({ description: 'As it was before this time, by the clock of what happened.' }),
})

const balance = z.int().openapi({ description: "On the account's own side; negative when it is overdrawn." })
const currency = z
  .string()
  .openapi({ description: 'ISO 4217 in lower case; or `credits`, in micro-dollars.' })

export const accountPage = z
  .object({
    data: z.array(
      z
        .object({
          account: z.string(),
          normal_side: z.enum(['debit', 'credit']),
          balance,
          currency,
        })
        .openapi('LedgerAccount'),
    ),
    next_cursor: z.null(),
  })
  .openapi('LedgerAccountPage')

export const entryQuery = z.strictObject({
  ...paging,
  account: account.optional(),
  user_id: userId.optional(),
  payment_id: paymentId,
  from: bound,
  to: bound,
})

const entryShown = z
  .object({
    entry_id: z.string().openapi({ example: 'le_01arz3ndektsv4rrffq69g5fav' }),
    occurred_at: timestamp,
    recorded_at: timestamp,
    what: z.string().openapi({ description: 'What moved the money.', example: 'succeeded' }),
    user_id: z.string().optional(),
    payment_id: z.string().optional(),
    invoice_id: z.string().optional(),
    subscription_id: z.string().optional(),
    stripe_balance_transaction_id: z.string().optional(),
    transfers: z.array(
      z.object({ debit: z.string(), credit: z.string(), amount: z.int(), currency }).openapi('Transfer'),
    ),
    balances: z
      .array(z.object({ balance, currency }))
      .optional()
      .openapi({ description: 'Of the account that was asked for, after this entry.' }),
  })
  .openapi('LedgerEntry')
export const entryPage = page(entryShown).openapi('LedgerEntryPage')

const formatRule = must(`must be one of ${journalFormats.join(', ')}.`)
export const exportQuery = z.strictObject({
  format: z.enum(journalFormats, formatRule),
  from: bound,
  to: bound,
})
