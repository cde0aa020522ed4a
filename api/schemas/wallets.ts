import { z } from '@hono/zod-openapi'
import { lotKinds, MAX_CREDITS_MICRO_USD, movementKinds } from '../../domain/credits.ts'
import { TIMES_IN_REACH } from '../../domain/times.ts'
import { displayName, externalId, must, page, paging, productId, time, timestamp, userId } from './fields.ts'

export const walletParams = z.object({ user_id: userId })

const unit = '1000000 is one US dollar of credits'
const creditsFrom = (min: 0 | 1) => {
  const rule = must(
    `must be a whole number of micro-dollars from ${min} to ${MAX_CREDITS_MICRO_USD} (${unit}).`,
  )
  return z.int(rule).min(min, rule).max(MAX_CREDITS_MICRO_USD, rule).openapi({ example: 250_000 })
}

const micro = (description: string) => z.int().openapi({ description: `${description} In micro-dollars.` })

const lot = z
  .object({
    amount: micro('What it brought.'),
    remaining: micro('What is left of it.'),
    kind: z.enum(lotKinds),
    expires_at: timestamp
      .nullable()
      .openapi({ description: 'From when on it cannot be spent; null is never.' }),
  })
  .openapi('CreditLot')

const wallet = z.object({
  user_id: z.string(),
  balance: micro('What the user holds.'),
  available: micro('What can be consumed: the balance less what has to stay.'),
  currency: z.literal('usd'),
  locked: z.boolean().openapi({ description: 'Nothing is consumed from a locked wallet.' }),
  lock_reason: z.string().nullable(),
  minimum_balance: micro('What has to stay.'),
  low_balance_threshold: micro('Below it, `credits.low_balance` is told.').nullable(),
  auto_top_up: z
    .object({
      product_id: z.string(),
      threshold: micro('Below it, the pack is bought.'),
      max_per_day: z.int(),
      stopped: z.string().nullable().openapi({
        description:
          'Why nothing is bought any more until it is set anew or a pack is paid for: the decline code, or `no_payment_method`.',
      }),
    })
    .nullable(),
  lots: z
    .array(lot)
    .openapi({ description: 'In the order in which they are spent: soonest to expire first.' }),
})
export const walletShown = wallet.openapi('Wallet')
export const walletMoved = wallet
  .extend({
    transaction_id: z.string().openapi({ example: 'wtx_01arz3ndektsv4rrffq69g5fav' }),
    occurred_at: timestamp,
  })
  .openapi('WalletMoved')

const bodyRule = must('must be an object.')
const reason = displayName('Welcome to the product')

export const consumption = z
  .strictObject(
    {
      amount: creditsFrom(1),
      usage_id: externalId('the id of what was used').openapi({ example: 'call-7f3a' }),
      description: displayName('Transcription, 3 minutes').optional(),
    },
    bodyRule,
  )
  .openapi('Consumption', { description: 'The same `usage_id` is consumed once, for ever.' })

const kindRule = must('must be "bonus" or "promotion".')
const expiryRule = must(
  `must be an RFC 3339 time ${TIMES_IN_REACH} such as "2026-12-31T23:59:59Z"; leave it out for credits that never expire.`,
)
export const grantInput = z
  .strictObject(
    {
      amount: creditsFrom(1),
      kind: z.enum(['bonus', 'promotion'], kindRule),
      expires_at: time(expiryRule).optional(),
      reason,
      grant_id: externalId('the id of this grant').openapi({ example: 'welcome' }),
    },
    bodyRule,
  )
  .openapi('NewGrant', { description: 'The same `grant_id` is granted once, for ever.' })

const signedRule = must(
  `must be a whole number of micro-dollars from -${MAX_CREDITS_MICRO_USD} to ${MAX_CREDITS_MICRO_USD}, but not 0 (${unit}).`,
)
export const adjustmentInput = z
  .strictObject(
    {
      amount: z
        .int(signedRule)
        .min(-MAX_CREDITS_MICRO_USD, signedRule)
        .max(MAX_CREDITS_MICRO_USD, signedRule)
        .refine((amount) => amount !== 0, signedRule)
        .openapi({ description: 'Negative to take credits away.', not: { const: 0 }, example: -250_000 }),
      reason,
      adjustment_id: externalId('the id of this adjustment').openapi({ example: 'ticket-1234' }),
    },
    bodyRule,
  )
  .openapi('NewAdjustment', { description: 'The same `adjustment_id` is done once, for ever.' })

export const reasonInput = z.strictObject({ reason }, bodyRule).openapi('WalletReason')

const perDayRule = must('must be a whole number from 1 to 24.')
export const walletSettings = z
  .strictObject(
    {
      minimum_balance: creditsFrom(0).default(0).openapi({ description: 'What consuming has to leave.' }),
      low_balance_threshold: creditsFrom(1)
        .nullable()
        .default(null)
        .openapi({ description: 'Below it, `credits.low_balance` is told, once per crossing.' }),
      auto_top_up: z
        .strictObject(
          {
            product_id: productId,
            threshold: creditsFrom(1),
            max_per_day: z.int(perDayRule).min(1, perDayRule).max(24, perDayRule),
          },
          must('must be an object with product_id, threshold and max_per_day; null to buy nothing.'),
        )
        .nullable()
        .default(null)
        .openapi({
          description:
            'The pack that is bought with the saved default card when consuming leaves less than the threshold, at most so often in 24 hours.',
        }),
    },
    bodyRule,
  )
  .openapi('WalletSettings', { description: 'All of it at once: what is left out is switched off.' })

export const transactionsQuery = z.strictObject(paging)

const transaction = z
  .object({
    transaction_id: z.string(),
    kind: z.enum(movementKinds),
    amount: micro('Negative where credits went.'),
    balance_after: micro('What the wallet held after it.'),
    reference: z
      .string()
      .openapi({ description: 'The usage, grant, adjustment, payment or refund; of an expiry, the lot.' }),
    description: z.string().nullable(),
    lots: z.array(z.object({ number: z.int(), credits: z.int() })).openapi({
      description: 'Which lots it touched. A lot is known by the number of the movement that brought it.',
    }),
    number: z.int().openapi({ description: 'Counts the movements of the wallet.' }),
    price: z
      .object({ amount: z.int(), currency: z.string() })
      .nullable()
      .openapi({ description: 'What a purchase cost, or what a refund stands for.' }),
    by: z.string().openapi({ description: 'A key, an operator, `stripe` or `quittance`.' }),
    occurred_at: timestamp,
  })
  .openapi('WalletTransaction')
export const transactionPage = page(transaction).openapi('WalletTransactionPage')
