import { z } from '@hono/zod-openapi'
import {
  differenceKindNames,
  differenceStatuses,
  reconciliationStatuses,
  stages,
} from '../../domain/reconciliation.ts'
import { must, page, paging, timestamp } from './fields.ts'

const kind = z.enum(differenceKindNames)
const status = z.enum(differenceStatuses).openapi({
  description:
    '`repaired` when both sides agree now; `needs_person` where what is right cannot be known from here; `found` while the run has not come to it.',
})
const side = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))

export const reconciliationInput = z
  .strictObject({}, must('must be an empty object, or be left out.'))
  .openapi('NewReconciliation')

const reconciliationFields = {
  reconciliation_id: z.string().openapi({ example: 'rec_01arz3ndektsv4rrffq69g5fav' }),
  status: z.enum(reconciliationStatuses).openapi({
    description:
      '`out_of_calls`: it has used up its calls of Stripe, and the next run goes on where it ended. `abandoned`: somebody ended it.',
  }),
  requested_by: z.string().openapi({ description: 'An operator, or `schedule`.' }),
  stage: z.enum(stages),
  compared: z.int().openapi({ description: 'Objects that were compared.' }),
  foreign: z.int().openapi({ description: 'Objects on the same Stripe account that are none of ours.' }),
  stripe_calls: z.int(),
  differences: z.int(),
  repaired: z.int(),
  need_person: z.int(),
  started_at: timestamp,
  ended_at: timestamp.nullable(),
}

export const reconciliationSummary = z.object(reconciliationFields).openapi('Reconciliation')
export const reconciliationPage = page(reconciliationSummary).openapi('ReconciliationPage')

export const reconciliationReport = z
  .object({
    ...reconciliationFields,
    balances: z
      .array(
        z.object({
          currency: z.string(),
          ledger: z.int().openapi({ description: 'The account `stripe_balance` over all books.' }),
          waiting: z.int().openapi({ description: 'Taken in, and not yet entered by what it belongs to.' }),
          stripe: z.int(),
        }),
      )
      .openapi({ description: 'Equal to the cent where ledger and waiting make what Stripe has.' }),
    kinds: z
      .array(z.object({ kind, explanation: z.string(), status, count: z.int() }))
      .openapi({ description: 'What was found, by kind and by what became of it.' }),
    data: z.array(
      z
        .object({
          kind,
          explanation: z.string(),
          status,
          project_id: z.string(),
          user_id: z.string().optional(),
          subject_id: z.string().optional(),
          stripe_id: z.string().optional(),
          ours: side,
          stripes: side,
          found_at: timestamp,
          settled_at: timestamp.nullable(),
        })
        .openapi('Difference'),
    ),
    next_cursor: z.string().nullable(),
  })
  .openapi('ReconciliationReport')

export const reconciliationQuery = z.strictObject(paging)
