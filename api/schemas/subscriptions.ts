import { z } from '@hono/zod-openapi'
import { externalNamePattern } from '../../domain/ids.ts'
import { subscriptionStatuses } from '../../domain/subscription.ts'
import { must, timestamp } from './fields.ts'

const nameRule = must('must be one of your user ids or the id of a subscription ("sbs_…").')
export const subscriptionParams = z.object({
  user_id: z
    .string(nameRule)
    .regex(externalNamePattern, nameRule)
    .openapi({ description: 'Your id of a user, or the id of one subscription.', example: 'user_42' }),
})

export const subscriptionShown = z
  .object({
    subscription_id: z.string(),
    user_id: z.string(),
    plan_id: z.string(),
    plan_version: z.int().openapi({ description: 'The version that was sold.' }),
    quantity: z.int(),
    status: z.enum(subscriptionStatuses),
    has_access: z.boolean(),
    roles: z.array(z.string()).openapi({ description: 'What it grants now; empty without access.' }),
    current_period_start: timestamp,
    current_period_end: timestamp,
    cancel_at_period_end: z.boolean(),
    trial_end: timestamp.optional(),
    dunning_cases: z
      .array(z.object({ invoice_id: z.string(), status: z.string() }))
      .openapi({ description: 'Unpaid invoices that are being collected, oldest first.' }),
    stripe_subscription_id: z.string(),
    payment_id: z.string(),
    created_at: timestamp,
  })
  .openapi('Subscription')

export const userSubscriptions = z
  .object({
    user_id: z.string(),
    has_access: z.boolean(),
    roles: z.array(z.string()).openapi({ description: 'What all subscriptions with access grant together.' }),
    subscriptions: z.array(subscriptionShown),
  })
  .openapi('UserSubscriptions')
