import { z } from 'zod'
import { paymentStatuses } from '../domain/checkout.ts'
import { disputeStatuses } from '../domain/disputes.ts'
import { subscriptionNoticeKinds } from '../domain/notices.ts'
import { refundOrigins, refundStatuses } from '../domain/refunds.ts'
import { subscriptionStatuses } from '../domain/subscription.ts'
import { amount, currency, externalName, id, microDollars, plan, roles, time, user } from './fields.ts'

/** What several events tell alike: a payment, a subscription, an unpaid invoice, and so on. */

export const payment = {
  payment_id: id('pay', 'The payment.'),
  payment_type: z.enum(['one_time', 'subscription', 'credits']),
  status: z.enum(paymentStatuses),
  user_id: user,
  amount: amount('What was asked for, before promotions, trials and taxes.'),
  currency,
  plan_id: plan.optional(),
  product_id: externalName("The product, by the project's own name.").optional(),
  quantity: z.int().positive(),
  subscription_id: id('sbs', 'The subscription that this payment starts.').optional(),
  metadata: z.record(z.string(), z.string()).describe("The caller's own, as given with the payment."),
}

export const subscription = {
  subscription_id: id('sbs', 'The subscription.'),
  user_id: user,
  plan_id: plan,
  plan_version: z
    .int()
    .positive()
    .describe('The version that was sold. It stays when the plan gets a new one.'),
  quantity: z.int().positive(),
  status: z.enum(subscriptionStatuses),
  has_access: z
    .boolean()
    .describe('Whether the user may use what was bought. True while a failed renewal is being retried.'),
  roles: roles.describe('The roles that the plan brings.'),
  current_period_start: time('Start of the period that was paid for.'),
  current_period_end: time('End of the period that was paid for.'),
  cancel_at_period_end: z.boolean(),
  trial_end: time('End of the trial.').optional(),
  paused_until: time('When the pause ends by itself.').optional(),
  pending_change: z
    .strictObject({
      plan_id: plan,
      plan_version: z.int().positive(),
      quantity: z.int().positive(),
      when: z.enum(['now', 'period_end']),
      at: time('When it takes effect; for `now`, when it lapses unless its payment is confirmed.'),
    })
    .describe('A change of plan that was asked for and does not count yet.')
    .optional(),
  interval: z.enum(['day', 'week', 'month', 'year']),
  payment_id: id('pay', 'The payment that started it.').optional(),
}

export const dunning = {
  invoice_id: z.string().describe("Stripe's invoice that is unpaid."),
  subscription_id: id('sbs', 'The subscription.'),
  user_id: user,
  plan_id: plan,
  amount: amount('What is owed.'),
  currency,
  failed_at: time('The first failed charge: every deadline is counted from here.'),
  grace_until: time('Until when access stays although nothing was paid.'),
  policy_version: z
    .int()
    .nonnegative()
    .describe('The version of the dunning policy that the case began with; 0 is the default.'),
}

export const credits = {
  user_id: user,
  transaction_id: id('wtx', 'The movement of the wallet.'),
  amount: microDollars('How many credits moved.'),
  balance: microDollars('What the wallet holds after it.'),
}
export const price = amount('What was paid for the credits, without tax.')

/** A notice as the customer gets it, where mails are sent; products may send it in their own way instead. */
export const notice = z.strictObject({
  kind: z.enum(subscriptionNoticeKinds),
  user_id: user,
  subscription_id: id('sbs', 'The subscription.'),
  plan_id: plan,
  plan_name: z.string(),
  amount: amount('What is owed, or will be charged.').optional(),
  currency: currency.optional(),
  invoice_id: z.string().optional(),
  retry_at: time(
    'When the charge is tried again. Absent when it is not, as where no card may be charged.',
  ).optional(),
  grace_until: time('Until when access stays although nothing was paid.').optional(),
  trial_end: time('End of the trial.').optional(),
  is_canceled: z.boolean().describe('Whether the subscription ends with its trial.').optional(),
  access_until: time('Until when access stays. Absent when it has ended.').optional(),
  resumes_at: time('When the pause ends by itself.').optional(),
  reason: z.string().describe('Why, as a sentence for the customer.').optional(),
  pay_url: z.string().describe("Stripe's page where the customer can pay by hand.").optional(),
})

/** What money that goes back was paid for. */
export const paidFor = {
  payment_id: id('pay', 'The payment, where a checkout collected it.').optional(),
  subscription_id: id('sbs', 'The subscription.').optional(),
  invoice_id: z.string().describe("Stripe's invoice.").optional(),
}
export const refund = z.strictObject({
  refund_id: id('rfd', 'The refund.'),
  user_id: user,
  amount: amount('What goes back.'),
  currency,
  status: z.enum(refundStatuses),
  origin: z
    .enum(refundOrigins)
    .describe("`dashboard`: made at Stripe; `cancellation`, `fraud_warning`: by the project's policy."),
  ...paidFor,
  reason: z.string().optional(),
  failure_code: z.string().describe('Why nothing went back.').optional(),
})
export const dispute = z.strictObject({
  dispute_id: id('dsp', 'The dispute.'),
  user_id: user,
  amount: amount("What the customer's bank wants back."),
  currency,
  status: z.enum(disputeStatuses).describe("Stripe's; a warning is an inquiry, for which nothing is taken."),
  reason: z.string().describe("Stripe's word for what the customer says."),
  ...paidFor,
  evidence_due_at: time('Until when evidence can be handed in.').optional(),
})

export const paymentSchema = z.strictObject(payment)
export const subscriptionSchema = z.strictObject(subscription)
export const roleSchema = z.strictObject({
  user_id: user,
  role: z.string().describe('The role that was granted or revoked.'),
  roles: roles.describe('All roles the user holds after this change.'),
  subscription_id: id('sbs', 'The subscription whose change caused it.'),
})
