import { z } from '@hono/zod-openapi'
import { attemptOutcomes, attemptTriggers, dunningStatuses } from '../../domain/dunning.ts'
import { externalNamePattern } from '../../domain/ids.ts'
import { subscriptionStatuses } from '../../domain/subscription.ts'
import { TIMES_IN_REACH } from '../../domain/times.ts'
import { displayName, must, planId, quantity, time, timestamp } from './fields.ts'

const nameRule = must('must be one of your user ids or the id of a subscription ("sbs_…").')
export const subscriptionParams = z.object({
  user_id: z
    .string(nameRule)
    .regex(externalNamePattern, nameRule)
    .openapi({ description: 'Your id of a user, or the id of one subscription.', example: 'user_42' }),
})

export const oneSubscriptionParams = z.object({
  subscription_id: z.string().openapi({ example: 'sbs_01arz3ndektsv4rrffq69g5fav' }),
})

const attempt = z.object({
  at: timestamp,
  trigger: z
    .enum(attemptTriggers)
    .openapi({ description: '`renewal` is the first charge, `customer` a try on the page of Stripe.' }),
  outcome: z.enum([...attemptOutcomes, 'pending']),
  decline_code: z.string().optional(),
})

export const dunningCaseShown = z
  .object({
    invoice_id: z.string(),
    status: z.enum(dunningStatuses),
    amount: z.int().openapi({ description: 'What is owed, in minor units.' }),
    currency: z.string(),
    failed_at: timestamp.openapi({ description: 'The first failed charge: all is counted from here.' }),
    attempts: z.array(attempt),
    next_retry_at: timestamp.nullable(),
    grace_until: timestamp,
    policy_version: z.int(),
    pay_url: z.string().optional().openapi({ description: 'Where the customer can pay by hand.' }),
  })
  .openapi('DunningCase')

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
    pending_change: z
      .object({
        plan_id: z.string(),
        plan_version: z.int(),
        quantity: z.int(),
        when: z.enum(['now', 'period_end']),
        at: timestamp.openapi({
          description: 'When it takes effect; for `now`, when it lapses unless its payment is confirmed.',
        }),
        pay_url: z.string().optional().openapi({ description: 'Where the customer confirms the payment.' }),
      })
      .optional(),
    trial_end: timestamp.optional(),
    paused_until: timestamp.optional(),
    dunning: dunningCaseShown
      .optional()
      .openapi({ description: 'The oldest open case or, when none is open, the last one.' }),
    dunning_cases: z.array(dunningCaseShown).openapi({ description: 'Unpaid invoices, oldest first.' }),
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

const reason = displayName('The customer asked for it on the phone.')
  .optional()
  .openapi({ description: 'Why: it lands in the audit and in the timeline.' })

const whenRule = must('must be "now" or "period_end".')
const when = z.enum(['now', 'period_end'], whenRule)

const bodyRule = must('must be an object; send {} when there is nothing to say.')

export const changeInput = z
  .strictObject(
    {
      plan_id: planId,
      when,
      quantity: quantity.optional().openapi({ description: 'Left out: it stays.' }),
      reason,
    },
    must('must be an object that names a plan and when.'),
  )
  .openapi('PlanChange')
export const cancelInput = z
  .strictObject({ at: when, reason }, must('must be an object that says when.'))
  .openapi('Cancellation')

const untilRule = must(
  `must be an RFC 3339 time ${TIMES_IN_REACH} and in the future, such as "2027-01-31T12:00:00Z"; or leave it out.`,
)
export const pauseInput = z
  .strictObject(
    {
      until: time(untilRule).optional().openapi({ description: 'Left out: until somebody resumes it.' }),
      reason,
    },
    bodyRule,
  )
  .openapi('Pause')
export const plainCommandInput = z.strictObject({ reason }, bodyRule).openapi('Command')

export const changePreview = z
  .object({
    amount_due: z.int().openapi({
      description: 'In minor units; negative where the customer gets credit for later invoices.',
    }),
    currency: z.string(),
    due_at: timestamp,
    lines: z.array(
      z.object({ description: z.string(), amount: z.int(), period_start: timestamp, period_end: timestamp }),
    ),
  })
  .openapi('ChangePreview')

export const timelinePage = z
  .object({
    data: z.array(
      z
        .object({
          at: timestamp,
          what: z.string().openapi({ example: 'dunning.retry_failed' }),
          why: z.string(),
          by: z.string().openapi({ description: 'A key, an operator, `stripe`, `customer` or `quittance`.' }),
          event_id: z.string().optional().openapi({ description: "Stripe's event that led to it." }),
          policy_version: z.int().optional(),
          amount: z.int().optional(),
          currency: z.string().optional(),
          stripe_ids: z.array(z.string()),
        })
        .openapi('TimelineEntry'),
    ),
    next_cursor: z.null(),
  })
  .openapi('Timeline')
