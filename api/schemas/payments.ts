import { z } from '@hono/zod-openapi'
import { paymentStatuses } from '../../domain/checkout.ts'
import {
  amountFlaw,
  amountFrom,
  currencyCode,
  displayName,
  email,
  metadata,
  must,
  page,
  paging,
  planId,
  productId,
  quantity,
  returnUrl,
  timestamp,
  userId,
} from './fields.ts'

const typeRule = must('must be "auto", "one_time" or "subscription"; leave it out to have it detected.')
const oneOfThree = 'Give exactly one of plan_id, product_id, or amount with currency and description.'

export const paymentInput = z
  .strictObject(
    {
      user_id: userId,
      email: email.optional().openapi({ description: 'Prefills the payment page.' }),
      plan_id: planId.optional(),
      product_id: productId.optional(),
      amount: amountFrom(1).optional().openapi({ description: 'The price of one unit, in minor units.' }),
      currency: currencyCode.optional(),
      description: displayName('Consulting, March').optional(),
      payment_type: z.enum(['auto', 'one_time', 'subscription'], typeRule).default('auto'),
      quantity: quantity.default(1),
      success_url: returnUrl.optional(),
      cancel_url: returnUrl.optional(),
      metadata: metadata.default({}),
      test_clock_id: z
        .string(must('must be the id of a test clock ("clk_…"); leave it out in live mode.'))
        .max(128, must('must be the id of a test clock ("clk_…"); leave it out in live mode.'))
        .optional()
        .openapi({
          description: 'Test mode: puts the user on this clock, with their first payment only.',
          example: 'clk_01arz3ndektsv4rrffq69g5fav',
        }),
    },
    must('must be an object that describes a payment.'),
  )
  .check((context) => {
    const { plan_id, product_id, amount, currency, description } = context.value
    const add = (path: string, message: string): void => {
      context.issues.push({ code: 'custom', input: context.value, path: [path], message })
    }
    const bare = { amount, currency, description }
    const givenOfBare = Object.entries(bare).flatMap(([field, value]) => (value === undefined ? [] : [field]))
    const ways = [plan_id, product_id, givenOfBare[0]].filter((way) => way !== undefined)
    if (ways.length === 0) return add('plan_id', `is missing what is bought. ${oneOfThree}`)
    if (ways.length > 1) {
      const superfluous =
        product_id !== undefined && plan_id !== undefined ? 'product_id' : (givenOfBare[0] ?? '')
      return add(
        superfluous,
        `does not go together with ${plan_id === undefined ? 'product_id' : 'plan_id'}. ${oneOfThree}`,
      )
    }
    if (givenOfBare.length === 0) return
    for (const [field, value] of Object.entries(bare)) {
      if (value === undefined) add(field, `is required with ${givenOfBare.join(' and ')}. ${oneOfThree}`)
    }
    const flaw = amount !== undefined && currency !== undefined && amountFlaw(amount, currency)
    if (flaw) add('amount', flaw)
  })
  .openapi('NewPayment', {
    description: oneOfThree,
    oneOf: [
      { required: ['plan_id'] },
      { required: ['product_id'] },
      { required: ['amount', 'currency', 'description'] },
    ],
  })
export type PaymentInput = z.infer<typeof paymentInput>

const paymentType = z.enum(['one_time', 'subscription', 'credits'])
const paymentStatus = z.enum(paymentStatuses)

export const paymentCreated = z
  .object({
    payment_id: z.string().openapi({ example: 'pay_01arz3ndektsv4rrffq69g5fav' }),
    payment_type: paymentType,
    status: paymentStatus,
    checkout_session_id: z.string(),
    checkout_url: z.string().openapi({ description: 'Send the customer there.' }),
  })
  .openapi('PaymentCreated')

export const paymentShown = z
  .object({
    payment_id: z.string(),
    payment_type: paymentType,
    status: paymentStatus,
    user_id: z.string(),
    amount: z.int().openapi({ description: 'What was asked for, in minor units.' }),
    currency: z.string(),
    amount_received: z
      .int()
      .openapi({ description: 'What was captured, after promotions, trials and taxes.' }),
    amount_refunded: z.int(),
    quantity: z.int(),
    plan_id: z.string().optional(),
    product_id: z.string().optional(),
    subscription_id: z.string().optional(),
    failure_code: z.string().optional(),
    project_id: z.string(),
    metadata: z.record(z.string(), z.string()),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .openapi('Payment')
export const paymentPage = page(paymentShown).openapi('PaymentPage')

const statusRule = must(`must be one of ${paymentStatuses.join(', ')}.`)
export const paymentQuery = z.strictObject({
  ...paging,
  user_id: userId.optional(),
  status: z.enum(paymentStatuses, statusRule).optional(),
})

export const attemptPage = z
  .object({
    data: z.array(
      z
        .object({
          at: timestamp,
          amount: z.int(),
          currency: z.string(),
          outcome: z.enum(['succeeded', 'failed', 'pending']),
          decline_code: z.string().optional(),
          advice_code: z.string().optional(),
          stripe_charge_id: z.string(),
        })
        .openapi('PaymentAttempt'),
    ),
    next_cursor: z.null(),
  })
  .openapi('PaymentAttemptPage')
