import { z } from '@hono/zod-openapi'
import { displayName, must, time, timestamp } from './fields.ts'

/** Far beyond any play, and within what Stripe takes. */
const YEARS = 20
const timeRule = must(
  `must be an RFC 3339 time such as "2027-01-31T12:00:00Z", at most ${YEARS} years from now.`,
)
const frozenTime = time(timeRule).refine((text) => {
  const at = Date.parse(text)
  return at > 0 && at < Date.now() + YEARS * 366 * 24 * 3_600_000
}, timeRule)

export const testClockInput = z
  .strictObject(
    { frozen_time: frozenTime, name: displayName('Dunning in January').optional() },
    must('must be an object with the time at which the clock stands.'),
  )
  .openapi('NewTestClock')

export const advanceInput = z
  .strictObject({ frozen_time: frozenTime }, must('must be an object with the time to move to.'))
  .openapi('TestClockAdvance')

export const testClockShown = z
  .object({
    id: z.string(),
    frozen_time: timestamp,
    status: z
      .enum(['ready', 'advancing'])
      .openapi({ description: '`ready` when Stripe and every workflow on the clock have settled.' }),
    target_time: timestamp.optional(),
    name: z.string().optional(),
    created_at: timestamp,
  })
  .openapi('TestClock')
