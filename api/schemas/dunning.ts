import { z } from '@hono/zod-openapi'
import { type DunningPolicy, durationPattern, flawOf, MAX_RETRIES } from '../../domain/dunning-policy.ts'
import { must, planId } from './fields.ts'

/** What a project does about failed renewals. */

const durationRule = must('must be an ISO 8601 duration in days or hours, such as "P3D" or "PT12H".')
const duration = z.string(durationRule).regex(durationPattern, durationRule).openapi({ example: 'P3D' })
const retriesRule = must(
  `must be a list of at most ${MAX_RETRIES} durations, each counted from the failed charge.`,
)
const exhaustedRule = must('must be "cancel", "pause" or "leave_past_due".')

export const dunningInput = z
  .strictObject(
    {
      retries: z.array(duration, retriesRule).max(MAX_RETRIES, retriesRule).default(['P3D', 'P5D', 'P7D']),
      grace: duration.default('P7D').openapi({ description: 'How long access stays while nothing is paid.' }),
      notice_before: duration
        .default('P1D')
        .openapi({ description: 'How long before a retry the customer is told.' }),
      on_exhausted: z.enum(['cancel', 'pause', 'leave_past_due'], exhaustedRule).default('cancel'),
    },
    must('must be an object that describes a dunning policy; leave it out for the default.'),
  )
  .check((context) => {
    // A duration that is none cannot be compared with the others.
    const flaw = context.issues.length === 0 && flawOf(toDunningPolicy(context.value))
    if (!flaw) return
    const names = {
      noticeBefore: 'notice_before',
      onExhausted: 'on_exhausted',
      retries: 'retries',
      grace: 'grace',
    }
    context.issues.push({
      code: 'custom',
      input: context.value,
      path: [names[flaw.field]],
      message: `${flaw.rule}.`,
    })
  })
  .openapi('DunningPolicy')

export function toDunningPolicy(input: z.infer<typeof dunningInput>): DunningPolicy {
  return {
    retries: input.retries,
    grace: input.grace,
    noticeBefore: input.notice_before,
    onExhausted: input.on_exhausted,
  }
}

export const dunningShown = z.object({
  retries: z.array(z.string()),
  grace: z.string(),
  notice_before: z.string(),
  on_exhausted: z.enum(['cancel', 'pause', 'leave_past_due']),
})

export function showDunningPolicy(policy: DunningPolicy): z.infer<typeof dunningShown> {
  return {
    retries: policy.retries,
    grace: policy.grace,
    notice_before: policy.noticeBefore,
    on_exhausted: policy.onExhausted,
  }
}

export const policyInput = z
  .strictObject(
    {
      plan_id: planId
        .optional()
        .openapi({ description: 'For this plan alone; for all others when left out.' }),
      policy: dunningInput,
    },
    must('must be an object with a policy.'),
  )
  .openapi('NewDunningPolicy')

export const policySet = z
  .object({
    policy_version: z.int().openapi({ description: 'Cases that are open keep the version they began with.' }),
    plan_id: z.string().optional(),
    policy: dunningShown,
  })
  .openapi('DunningPolicySet')
