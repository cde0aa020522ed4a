import { writeAudit } from '../db/audit.ts'
import type { Transaction } from '../db/client.ts'
import { type CustomerRow, lockCustomer } from '../db/customers.ts'
import { type DunningCaseRow, listCases } from '../db/dunning.ts'
import { once } from '../db/once.ts'
import { appendEvents } from '../db/outbox.ts'
import { type PaymentRow, readPayment } from '../db/payments.ts'
import { findSubscription, type SubscriptionWithPlan } from '../db/subscriptions.ts'
import { makeDue, readTestClock } from '../db/test-clocks.ts'
import type { EventDraft } from '../domain/events.ts'
import type { PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import type { Money } from '../domain/money.ts'
import { addNotices } from './notices.ts'

/** Whom a recording is about. */
export interface Subject {
  projectId: ProjectId
  subscriptionId: SubscriptionId
  /** The checkout that sold it. */
  paymentId: PaymentId
  stripeSubscriptionId: string
}

/** What made us look, for the audit and the timeline. */
export interface Cause {
  /** A key, an operator, `stripe` or `quittance`. */
  by: string
  /** In their words, where a person asked for it. */
  why?: string
  /** Stripe's event that woke us. */
  eventId?: string
}

/** Everything a recording transaction knows about one subscription, with its customer's lock held: whatever is decided from it
 *  stays true until the transaction ends. */
export interface Scene {
  transaction: Transaction
  subject: Subject
  cause: Cause
  /** The time of the customer: that of their test clock, if they hang on one. */
  at: Date
  payment: PaymentRow
  customer: CustomerRow
  /** `undefined` until Stripe lets it run. */
  subscription: SubscriptionWithPlan | undefined
  /** All of its cases, oldest first. */
  cases: DunningCaseRow[]
}

export async function openScene(
  transaction: Transaction,
  { subject, cause, now }: { subject: Subject; cause: Cause; now: Date },
): Promise<Scene> {
  const { projectId, subscriptionId, paymentId } = subject
  const payment = await readPayment(transaction, projectId, paymentId)
  const customer = await lockCustomer(transaction, projectId, payment.customerId)
  const [subscription, cases, clock] = await Promise.all([
    findSubscription(transaction, projectId, subscriptionId),
    listCases(transaction, projectId, [subscriptionId]),
    customer.clockId === null ? undefined : readTestClock(transaction, projectId, customer.clockId),
  ])
  return { transaction, subject, cause, at: clock?.frozenTime ?? now, payment, customer, subscription, cases }
}

/** What is remembered of one thing that happened, beside the events that tell it. */
export interface Happening {
  /** Names it for ever: written once, however often it is recorded. */
  intent: string
  action: string
  why: string
  occurredAt: Date
  stripeIds: string[]
  policyVersion?: number
  amount?: Money
  before?: Record<string, unknown>
  after?: Record<string, unknown>
  events: EventDraft[]
}

/** Writes one thing that happened to the subscription: audit, events and notices.
 *  @returns whether it was new. */
export function tell(scene: Scene, happening: Happening, write?: () => Promise<void>): Promise<boolean> {
  const { transaction, cause, payment, customer } = scene
  const { projectId, subscriptionId } = scene.subject
  const { userId, correlationId } = payment
  const { intent, events, occurredAt, amount } = happening
  return once(transaction, { projectId, intent }, async () => {
    await write?.()
    await writeAudit(transaction, {
      projectId,
      actor: cause.by,
      action: happening.action,
      subjectId: subscriptionId,
      why: cause.why ?? happening.why,
      correlationId,
      stripeIds: happening.stripeIds,
      eventId: cause.eventId ?? null,
      policyVersion: happening.policyVersion ?? null,
      amount: amount?.amountMinor ?? null,
      currency: amount?.currency ?? null,
      ...(happening.before && { before: happening.before }),
      ...(happening.after && { after: happening.after }),
      occurredAt,
    })
    await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt }, events)
    await addNotices(transaction, { projectId, customer, intent, events })
  })
}

/** On a test clock, the time waits until these workflows have seen what was written. */
export async function wakeOnClock(
  { transaction, customer, subject, at }: Scene,
  workflowIds: string[],
): Promise<void> {
  if (customer.clockId === null) return
  await makeDue(transaction, { projectId: subject.projectId, clockId: customer.clockId, at }, workflowIds)
}
