import { z } from 'zod'
import { attemptTriggers } from '../domain/dunning.ts'
import { EVENT_SCHEMA_VERSION, type EventDataByType, type EventType } from '../domain/events.ts'
import { differenceKindNames } from '../domain/reconciliation.ts'
import { amount, currency, declineCode, externalName, id, microDollars, time, user } from './fields.ts'
import {
  credits,
  dispute,
  dunning,
  notice,
  paidFor,
  payment,
  paymentSchema,
  price,
  refund,
  roleSchema,
  subscription,
  subscriptionSchema,
} from './shapes.ts'

/** What every event is, for those who read them: the source of the published JSON Schemas and of the AsyncAPI document.
 *
 *  Held equal to the types of `domain/event-data.ts` by the compiler. A room of its own, because neither the domain nor a
 *  workflow may import a library. */

const side = (description: string) => z.record(z.string(), z.string()).describe(description)

export const dataSchemas = {
  'payment.created': paymentSchema.describe('A payment was accepted; its payment page is about to open.'),
  'payment.succeeded': z
    .strictObject({
      ...payment,
      amount_received: amount(
        'What was captured, after promotions, trials and taxes; 0 where nothing was due.',
      ),
      invoice_id: z.string().describe("Stripe's invoice.").optional(),
    })
    .describe('The money is there. Fulfil now.'),
  'payment.failed': z
    .strictObject({
      ...payment,
      failure_code: z
        .string()
        .describe("Stripe's decline code of the last attempt, or the code of the refusal.")
        .optional(),
    })
    .describe('The payment page ended with every attempt declined, or could not be opened.'),
  'payment.expired': paymentSchema.describe('The payment page ended without an attempt to pay.'),
  'payment.refunded': z
    .strictObject({
      ...payment,
      amount_refunded: amount('What has gone back of it, over all refunds.'),
      refund_id: id('rfd', 'The refund by which it did.'),
    })
    .describe('Money of a payment has gone back, in full or in part.'),
  'refund.created': refund.describe('A refund was asked for: its amount is reserved.'),
  'refund.succeeded': refund.describe('The money is on its way to the customer.'),
  'refund.failed': refund.describe(
    'Nothing went back, or the bank has returned it, which may be days later.',
  ),
  'dispute.opened': dispute.describe("A customer's bank wants money back, or asks about it."),
  'dispute.closed': dispute.describe('A dispute was won or lost, or the question was withdrawn.'),
  'subscription.created': subscriptionSchema.describe('A subscription began.'),
  'subscription.activated': subscriptionSchema.describe('It is paid, or its trial has become a paid period.'),
  'subscription.renewed': z
    .strictObject({
      ...subscription,
      invoice_id: z.string().describe("Stripe's invoice of the new period."),
      amount: amount('What was paid for the new period.'),
      currency,
    })
    .describe('A new period was paid.'),
  'subscription.updated': subscriptionSchema.describe('Its terms or its end have changed.'),
  'subscription.past_due': subscriptionSchema.describe(
    'A renewal was not paid. Recoverable: access stays while it is retried.',
  ),
  'subscription.recovered': subscriptionSchema.describe('What was owed has been paid.'),
  'subscription.paused': subscriptionSchema.describe('It is paused.'),
  'subscription.resumed': subscriptionSchema.describe('It runs again after a pause.'),
  'subscription.canceled': subscriptionSchema.describe('It has ended. Final: who comes back buys anew.'),
  'subscription.trial_will_end': subscriptionSchema.describe('The trial ends in three days.'),
  'dunning.retry_scheduled': z
    .strictObject({
      ...dunning,
      retry: z.int().positive().describe('Which of the scheduled retries comes next, from 1.'),
      retries: z.int().positive().describe('How many are scheduled.'),
      retry_at: time('When it is due.'),
    })
    .describe('The next retry of an unpaid invoice is scheduled.'),
  'dunning.retry_failed': z
    .strictObject({
      ...dunning,
      trigger: z
        .enum(attemptTriggers)
        .describe("What made somebody try: `customer` is a try on Stripe's own page."),
      decline_code: declineCode,
      advice_code: z.string().describe("The bank's advice.").optional(),
    })
    .describe('A try to collect an unpaid invoice failed.'),
  'dunning.exhausted': z
    .strictObject({
      ...dunning,
      on_exhausted: z.enum(['cancel', 'pause', 'leave_past_due']).describe('What the policy does now.'),
    })
    .describe('Every scheduled retry has failed.'),
  'alert.payment_failed': z
    .strictObject({
      ...dunning,
      failures: z.int().positive().describe('How many tries to collect this invoice have failed.'),
      decline_code: declineCode,
    })
    .describe('For finance: a renewal, or a retry of it, was not paid.'),
  'alert.refund_failed': refund.describe('For finance: a refund did not reach the customer.'),
  'alert.dispute_opened': dispute.describe('For finance: evidence is wanted.'),
  'alert.dispute_evidence_due': dispute.describe('For finance: evidence is due soon and not handed in.'),
  'alert.fraud_warning': z
    .strictObject({
      user_id: user,
      stripe_charge_id: z.string(),
      fraud_type: z.string().describe("Stripe's word for what the bank suspects."),
      amount: amount('What was charged.'),
      currency,
      payment_id: paidFor.payment_id,
      subscription_id: paidFor.subscription_id,
      refund_id: id('rfd', 'The refund, where the policy gives the money back.').optional(),
    })
    .describe("For finance: the customer's bank suspects fraud; a dispute may follow."),
  'alert.reconciliation_difference': z
    .strictObject({
      reconciliation_id: z.string().describe('The comparison that found it.'),
      kind: z.enum(differenceKindNames),
      explanation: z.string().describe('What the kind means, as a sentence.'),
      user_id: externalName('The payer; `stripe-account` for what no user has caused.'),
      subject_id: z.string().describe('What it is about with us.').optional(),
      stripe_id: z.string().describe('What it is about at Stripe.').optional(),
      ours: side('What we say.'),
      stripes: side('What Stripe says.'),
    })
    .describe("Stripe's books and ours do not agree, and a person must look."),
  'notice.retry_upcoming': notice.describe('The customer is told that a charge is about to be tried again.'),
  'notice.payment_failed': notice.describe('The customer is told that a charge failed.'),
  'notice.authentication_required': notice.describe('The customer must confirm the payment at their bank.'),
  'notice.no_payment_method': notice.describe(
    'The customer has no card that can be charged, and must bring one.',
  ),
  'notice.payment_recovered': notice.describe('The customer is told that what was owed is paid.'),
  'notice.trial_will_end': notice.describe('The customer is told that the trial ends soon.'),
  'notice.subscription_canceled': notice.describe(
    'The customer is told that the subscription will end, with `access_until`, and that it has ended, without.',
  ),
  'notice.subscription_paused': notice.describe('The customer is told of the pause.'),
  'notice.subscription_resumed': notice.describe('The customer is told that it runs again.'),
  'credits.purchased': z
    .strictObject({
      ...credits,
      payment_id: id('pay', 'The payment that bought them.'),
      product_id: externalName("The pack, by the project's own name.").optional(),
      price,
      currency,
      auto_top_up: z.boolean().describe('Whether the wallet bought them by itself, at a low balance.'),
    })
    .describe('Credits were bought.'),
  'credits.granted': z
    .strictObject({
      ...credits,
      grant_id: z.string().describe("The project's own name of the grant."),
      kind: z.enum(['bonus', 'promotion']),
      expires_at: time('From when on they cannot be spent.').optional(),
      reason: z.string(),
    })
    .describe('Credits were given.'),
  'credits.consumed': z
    .strictObject({
      ...credits,
      usage_id: z.string().describe("The project's own name of what was used."),
      description: z.string().optional(),
    })
    .describe('Credits were consumed.'),
  'credits.expired': z.strictObject(credits).describe('The time of credits was over before they were spent.'),
  'credits.adjusted': z
    .strictObject({
      ...credits,
      amount: z.int().describe('How many credits moved; negative where they were taken. In micro-dollars.'),
      adjustment_id: z.string().describe("The operator's own name of the adjustment."),
      reason: z.string(),
    })
    .describe('An operator set the wallet right.'),
  'credits.refunded': z
    .strictObject({
      ...credits,
      payment_id: id('pay', 'The payment that bought them.'),
      price: amount('The share of the price that they stand for.'),
      currency,
      undone: z.boolean().describe('True where they came back, because the money could not be returned.'),
    })
    .describe('Unused credits were taken back by a refund, or came back from one that failed.'),
  'credits.low_balance': z
    .strictObject({
      user_id: user,
      balance: microDollars('What the wallet holds.'),
      threshold: microDollars('What it fell below.'),
    })
    .describe('The balance fell below its threshold. Told once, until it has been above it again.'),
  'credits.top_up_failed': z
    .strictObject({
      user_id: user,
      payment_id: id('pay', 'The payment that failed.'),
      product_id: externalName("The pack, by the project's own name."),
      failure_code: z.string().describe("Stripe's decline code, or `no_payment_method`."),
    })
    .describe(
      'A wallet could not buy credits by itself, and does not try again until somebody sets it anew.',
    ),
  'notice.top_up_failed': z
    .strictObject({
      kind: z.literal('top_up_failed'),
      user_id: user,
      payment_id: id('pay', 'The payment that failed.'),
      product_id: externalName("The pack, by the project's own name."),
      product_name: z.string(),
      amount: amount('What could not be collected.'),
      currency,
      reason: z.string().describe('Why, as a sentence for the customer.').optional(),
    })
    .describe('The customer is told that their credits could not be topped up.'),
  'entitlement.role_granted': roleSchema.describe('A user holds a role that was not held before.'),
  'entitlement.role_revoked': roleSchema.describe('No subscription of the user carries the role any more.'),
} satisfies { [Type in EventType]: z.ZodType<EventDataByType[Type]> }

/** Whether two objects have the same fields: each fits the other, also when no field may be left out. */
type SameFields<One, Other> = [One, Required<One>] extends [Other, Required<Other>]
  ? [Other, Required<Other>] extends [One, Required<One>]
    ? true
    : false
  : false
type Holds<Statement extends true> = Statement

/** Does not compile when the schema of an event and its type say different things. */
export type SchemasMatchTypes = Holds<
  { [Type in EventType]: SameFields<z.infer<(typeof dataSchemas)[Type]>, EventDataByType[Type]> }[EventType]
>

export const eventTypes = Object.keys(dataSchemas) as EventType[]

export const dataSchemaUrn = (type: EventType) => `urn:quittance:event:${type}:v${EVENT_SCHEMA_VERSION}`
