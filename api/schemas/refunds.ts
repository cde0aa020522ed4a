import { z } from '@hono/zod-openapi'
import { refundOrigins, refundStatuses } from '../../domain/refunds.ts'
import { amountFrom, displayName, must, ourId, page, paging, timestamp } from './fields.ts'

const paymentRule = must('must be the id of a payment ("pay_…").')
const paymentId = ourId('pay', paymentRule)
const invoiceRule = must('must be the id of an invoice of Stripe ("in_…").')
const invoiceId = z
  .string(invoiceRule)
  .regex(/^in_\w{1,250}$/, invoiceRule)
  .openapi({ example: 'in_1MtHbELkdIwHu7ixl4OzzPMv' })

const reason = displayName('The book arrived damaged.').openapi({
  description: 'Why: it lands in the audit and in the timeline.',
})
const oneOfTwo = 'Name what is refunded: payment_id, or invoice_id for a renewal; not both.'
const subscriptionRule = must(
  'must be "keep" or "cancel"; leave it out to have the policy of the project decide.',
)

export const refundInput = z
  .strictObject(
    {
      payment_id: paymentId.optional(),
      invoice_id: invoiceId.optional(),
      amount: amountFrom(1).optional().openapi({ description: 'Left out: all that is left of it.' }),
      reason: reason.optional(),
      subscription: z
        .enum(['keep', 'cancel'], subscriptionRule)
        .optional()
        .openapi({ description: 'Whether the subscription that was paid for ends with the refund.' }),
    },
    must('must be an object that names a payment or an invoice.'),
  )
  .check((context) => {
    const { payment_id, invoice_id } = context.value
    if ((payment_id === undefined) === (invoice_id === undefined))
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: [payment_id === undefined ? 'payment_id' : 'invoice_id'],
        message:
          payment_id === undefined
            ? `is required: ${oneOfTwo}`
            : `does not go together with payment_id. ${oneOfTwo}`,
      })
  })
  .openapi('NewRefund', {
    description: oneOfTwo,
    oneOf: [{ required: ['payment_id'] }, { required: ['invoice_id'] }],
  })

export const refundShown = z
  .object({
    refund_id: z.string().openapi({ example: 'rfd_01arz3ndektsv4rrffq69g5fav' }),
    status: z.enum(refundStatuses).openapi({
      description:
        '`succeeded` can still become `failed`, when the bank returns the money days later. Another try is another refund.',
    }),
    amount: z.int(),
    currency: z.string(),
    origin: z.enum(refundOrigins),
    user_id: z.string(),
    payment_id: z.string().optional(),
    subscription_id: z.string().optional(),
    invoice_id: z.string().optional(),
    reason: z.string().optional(),
    subscription: z.enum(['keep', 'cancel']),
    failure_code: z.string().optional().openapi({ description: '`rejected`: by the second person.' }),
    requested_by: z.string(),
    decided_by: z.string().optional(),
    decision_reason: z.string().optional(),
    stripe_refund_id: z.string().optional(),
    stripe_credit_note_id: z.string().optional(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .openapi('Refund')

export const refundPage = page(refundShown)
export const refundParams = z.object({
  refund_id: z.string().openapi({ example: 'rfd_01arz3ndektsv4rrffq69g5fav' }),
})
const statusRule = must(`must be one of ${refundStatuses.join(', ')}; or leave it out.`)
export const refundQuery = z.strictObject({
  ...paging,
  payment_id: paymentId.optional(),
  status: z.enum(refundStatuses, statusRule).optional(),
})

export const decisionInput = z
  .strictObject({ reason }, must('must be an object with the reason of the decision.'))
  .openapi('RefundDecision')

const approvalRule = must(
  'must be a whole number of minor units of the project’s currency; or null, and no refund waits.',
)
const either = <const Options extends readonly [string, string]>(options: Options) =>
  z.enum(options, must(`must be "${options[0]}" or "${options[1]}".`))

export const refundPolicyInput = z
  .strictObject(
    {
      approval_above: z.int(approvalRule).min(0, approvalRule).nullable().default(null).openapi({
        description: 'Refunds of more than that wait for a second person, an operator; null: none does.',
      }),
      subscription: either(['keep', 'cancel']).default('keep').openapi({
        description: 'What becomes of a subscription when a payment for it is refunded in full.',
      }),
      credits: either(['take_back', 'keep'])
        .default('take_back')
        .openapi({ description: 'Whether credits go with the money that paid for them.' }),
      on_cancellation: either(['keep', 'prorate'])
        .default('keep')
        .openapi({ description: 'Whether canceling at once gives back what was paid for the rest.' }),
      on_dispute: either(['keep', 'cancel'])
        .default('keep')
        .openapi({ description: 'What becomes of a subscription whose payment is disputed.' }),
      on_fraud_warning: either(['alert', 'refund'])
        .default('alert')
        .openapi({ description: 'Whether a charge that the bank suspects is given back at once.' }),
    },
    must('must be an object; send {} for the default.'),
  )
  .openapi('RefundPolicy')

export const refundPolicySet = z.object({ policy_version: z.int(), policy: refundPolicyInput })
