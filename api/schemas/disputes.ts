import { z } from '@hono/zod-openapi'
import { disputeStatuses } from '../../domain/disputes.ts'
import { must, page, paging, timestamp } from './fields.ts'

export const disputeShown = z
  .object({
    dispute_id: z.string().openapi({ example: 'dsp_01arz3ndektsv4rrffq69g5fav' }),
    status: z.enum(disputeStatuses).openapi({
      description: "Stripe's. A `warning_…` is a question of the bank: no money has been taken.",
    }),
    amount: z.int(),
    currency: z.string(),
    reason: z.string().openapi({ description: "Stripe's word for what the customer says." }),
    user_id: z.string(),
    payment_id: z.string().optional(),
    subscription_id: z.string().optional(),
    invoice_id: z.string().optional(),
    funds_withdrawn: z.boolean().openapi({ description: 'Whether the bank has the money now.' }),
    evidence_due_at: timestamp.optional(),
    opened_at: timestamp,
    closed_at: timestamp.optional(),
    stripe_dispute_id: z.string(),
    stripe_charge_id: z.string(),
  })
  .openapi('Dispute')

export const disputePage = page(disputeShown)
export const disputeParams = z.object({
  dispute_id: z.string().openapi({ example: 'dsp_01arz3ndektsv4rrffq69g5fav' }),
})
const statusRule = must(`must be one of ${disputeStatuses.join(', ')}; or leave it out.`)
export const disputeQuery = z.strictObject({
  ...paging,
  status: z.enum(disputeStatuses, statusRule).optional(),
})
