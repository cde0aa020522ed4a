import { z } from 'zod'
import {
  type CloudEvent,
  EVENT_SCHEMA_VERSION,
  type EventDataByType,
  type EventType,
  type Topic,
  topicOf,
} from '../domain/events.ts'
import { paymentStatuses } from '../domain/checkout.ts'
import { disputeStatuses } from '../domain/disputes.ts'
import { attemptTriggers } from '../domain/dunning.ts'
import { externalNamePattern, type Id, type IdPrefix } from '../domain/ids.ts'
import { subscriptionNoticeKinds } from '../domain/notices.ts'
import { refundOrigins, refundStatuses } from '../domain/refunds.ts'
import { differenceKindNames } from '../domain/reconciliation.ts'
import { subscriptionStatuses } from '../domain/subscription.ts'

/** What every event is, for those who read them: the source of the published JSON Schemas and of the AsyncAPI document.
 *
 *  Held equal to the types of `domain/event-data.ts` by the compiler. A room of its own, because neither the domain nor a
 *  workflow may import a library. */

const id = <P extends IdPrefix>(prefix: P, description: string) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`))
    .describe(description) as unknown as z.ZodType<Id<P>>

const externalName = (description: string) => z.string().regex(externalNamePattern).describe(description)
const time = (description: string) => z.iso.datetime().describe(`${description} RFC 3339, UTC.`)
const amount = (description: string) => z.int().nonnegative().describe(`${description} In minor units.`)
const currency = z
  .string()
  .regex(/^[a-z]{3}$/)
  .describe('ISO 4217, in lower case.')

const user = externalName("The payer, by the project's own name.")
const plan = externalName("The plan, by the project's own name.")
const roles = z.array(z.string())

const payment = {
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

const subscription = {
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

const dunning = {
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
const side = (description: string) => z.record(z.string(), z.string()).describe(description)
const declineCode = z.string().describe("Stripe's decline code.").optional()

const microDollars = (description: string) =>
  z.int().nonnegative().describe(`${description} In micro-dollars.`)
const credits = {
  user_id: user,
  transaction_id: id('wtx', 'The movement of the wallet.'),
  amount: microDollars('How many credits moved.'),
  balance: microDollars('What the wallet holds after it.'),
}
const price = amount('What was paid for the credits, without tax.')

/** A notice as the customer gets it, where mails are sent; products may send it in their own way instead. */
const notice = z.strictObject({
  kind: z.enum(subscriptionNoticeKinds),
  user_id: user,
  subscription_id: id('sbs', 'The subscription.'),
  plan_id: plan,
  plan_name: z.string(),
  amount: amount('What is owed, or will be charged.').optional(),
  currency: currency.optional(),
  invoice_id: z.string().optional(),
  retry_at: time('When the charge is tried again.').optional(),
  grace_until: time('Until when access stays although nothing was paid.').optional(),
  trial_end: time('End of the trial.').optional(),
  access_until: time('Until when access stays; for a pause, when it ends.').optional(),
  reason: z.string().describe('Why, as a sentence for the customer.').optional(),
  pay_url: z.string().describe("Stripe's page where the customer can pay by hand.").optional(),
})

/** What money that goes back was paid for. */
const paidFor = {
  payment_id: id('pay', 'The payment, where a checkout collected it.').optional(),
  subscription_id: id('sbs', 'The subscription.').optional(),
  invoice_id: z.string().describe("Stripe's invoice.").optional(),
}
const refund = z.strictObject({
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
const dispute = z.strictObject({
  dispute_id: id('dsp', 'The dispute.'),
  user_id: user,
  amount: amount("What the customer's bank wants back."),
  currency,
  status: z.enum(disputeStatuses).describe("Stripe's; a warning is an inquiry, for which nothing is taken."),
  reason: z.string().describe("Stripe's word for what the customer says."),
  ...paidFor,
  evidence_due_at: time('Until when evidence can be handed in.').optional(),
})

const paymentSchema = z.strictObject(payment)
const subscriptionSchema = z.strictObject(subscription)
const roleSchema = z.strictObject({
  user_id: user,
  role: z.string().describe('The role that was granted or revoked.'),
  roles: roles.describe('All roles the user holds after this change.'),
  subscription_id: id('sbs', 'The subscription whose change caused it.'),
})

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
  'notice.subscription_canceled': notice.describe('The customer is told that the subscription has ended.'),
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

const envelope = {
  specversion: z.literal('1.0'),
  id: id('ev', 'Stays the same however often the event is sent: drop what you have seen.'),
  source: z.templateLiteral(['/projects/', z.string()]).describe('The project: `/projects/{project_id}`.'),
  subject: z
    .string()
    .min(1)
    .describe(
      "What it is about: a payment's or subscription's id; for credits and entitlements the `user_id`.",
    ),
  time: time('When it happened, by the clock of the object, which on a test clock runs ahead.'),
  datacontenttype: z.literal('application/json'),
  projectid: id('prj', 'The project.'),
  correlationid: z
    .string()
    .min(1)
    .describe('The same from the API call to everything that followed from it.'),
  sequence: z.int().positive().describe('Rises by one per topic, source and subject.'),
  recordedtime: time('When it was recorded, by our clock.'),
}

/** The envelope of any event, with data of any kind. */
export const envelopeSchema = z.strictObject({
  ...envelope,
  type: z.string().regex(/^com\.quittance\.[a-z_]+\.[a-z_]+$/),
  dataschema: z.string().regex(/^urn:quittance:event:[a-z_.]+:v\d+$/),
  data: z.record(z.string(), z.unknown()),
})

/** One event whole.
 *  @throws z.ZodError naming every field that is not as published. */
export function parseEvent(json: string): CloudEvent {
  const event = envelopeSchema.parse(JSON.parse(json))
  const type = eventTypes.find((known) => event.type === `com.quittance.${known}`)
  if (!type) throw new Error(`${event.type} is not a published type`)
  if (event.dataschema !== dataSchemaUrn(type))
    throw new Error(`${event.type} names the schema ${event.dataschema}, not ${dataSchemaUrn(type)}`)
  if (event.source !== `/projects/${event.projectid}`)
    throw new Error(`${event.source} is not the source of ${event.projectid}`)
  return { ...event, type: `com.quittance.${type}`, data: dataSchemas[type].parse(event.data) }
}

/** The types of each topic that has any. */
export function typesByTopic(): Map<Topic, EventType[]> {
  const topics = [...new Set(eventTypes.map(topicOf))]
  return new Map(topics.map((topic) => [topic, eventTypes.filter((type) => topicOf(type) === topic)]))
}
