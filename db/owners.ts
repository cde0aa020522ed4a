import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm'
import type { PaymentStatus } from '../domain/checkout.ts'
import type { ClockId, CustomerId, PaymentId, ProjectId, SubscriptionId } from '../domain/ids.ts'
import type { SubscriptionStatus } from '../domain/subscription.ts'
import type { Database } from './client.ts'
import { customers, dunningCases, payments, subscriptions } from './schema/index.ts'

/** What the inbox may know of the rows that own events, before a tenant is set: the columns granted to the system role. */

export interface PaymentOwner {
  projectId: ProjectId
  customerId: CustomerId
  paymentId: PaymentId
  userId: string
  status: PaymentStatus
  planId: string | null
  livemode: boolean
  correlationId: string
  subscriptionId: SubscriptionId | null
  /** Of its page. A top-up has none, and no checkout. */
  stripeCheckoutSessionId: string | null
}

export interface CaseOwner {
  projectId: ProjectId
  invoiceId: string
  subscriptionId: SubscriptionId
}

export interface SubscriptionOwner {
  projectId: ProjectId
  subscriptionId: SubscriptionId
  paymentId: PaymentId
  userId: string
  status: SubscriptionStatus
  planId: string
  livemode: boolean
  stripeSubscriptionId: string
  /** The test clock of its customer; live mode knows none. */
  clockId: ClockId | null
  /** Of the payment that sold it. */
  correlationId: string
}

const paymentColumns = {
  customerId: payments.customerId,
  projectId: payments.projectId,
  paymentId: payments.paymentId,
  userId: payments.userId,
  status: payments.status,
  planId: payments.planId,
  livemode: payments.livemode,
  correlationId: payments.correlationId,
  subscriptionId: payments.subscriptionId,
  stripeCheckoutSessionId: payments.stripeCheckoutSessionId,
}

export async function findPaymentOwner(
  system: Database,
  { projectId, paymentId }: Pick<PaymentOwner, 'projectId' | 'paymentId'>,
): Promise<PaymentOwner | undefined> {
  const [row] = await system
    .select(paymentColumns)
    .from(payments)
    .where(and(eq(payments.projectId, projectId), eq(payments.paymentId, paymentId)))
  return row
}

export async function findSubscriptionOwner(
  system: Database,
  { projectId, subscriptionId }: Pick<SubscriptionOwner, 'projectId' | 'subscriptionId'>,
): Promise<SubscriptionOwner | undefined> {
  const [row] = await system
    .select({
      projectId: subscriptions.projectId,
      subscriptionId: subscriptions.subscriptionId,
      paymentId: subscriptions.paymentId,
      userId: subscriptions.userId,
      status: subscriptions.status,
      planId: subscriptions.planId,
      livemode: subscriptions.livemode,
      stripeSubscriptionId: subscriptions.stripeSubscriptionId,
      correlationId: payments.correlationId,
      clockId: customers.clockId,
    })
    .from(subscriptions)
    .innerJoin(
      customers,
      and(
        eq(customers.projectId, subscriptions.projectId),
        eq(customers.customerId, subscriptions.customerId),
      ),
    )
    .innerJoin(
      payments,
      and(eq(payments.projectId, subscriptions.projectId), eq(payments.paymentId, subscriptions.paymentId)),
    )
    .where(and(eq(subscriptions.projectId, projectId), eq(subscriptions.subscriptionId, subscriptionId)))
  return row
}

/** The test clock that a customer hangs on, if any. */
export async function findClockOf(
  system: Database,
  { projectId, customerId }: { projectId: ProjectId; customerId: CustomerId },
): Promise<ClockId | null> {
  const [row] = await system
    .select({ clockId: customers.clockId })
    .from(customers)
    .where(and(eq(customers.projectId, projectId), eq(customers.customerId, customerId)))
  return row?.clockId ?? null
}

/** The open case of an unpaid invoice, if there is one. */
export async function findOpenCase(
  system: Database,
  { projectId, invoiceId }: { projectId: ProjectId; invoiceId: string },
): Promise<CaseOwner | undefined> {
  const [row] = await system
    .select(caseColumns)
    .from(dunningCases)
    .where(
      and(
        eq(dunningCases.projectId, projectId),
        eq(dunningCases.invoiceId, invoiceId),
        eq(dunningCases.status, 'open'),
      ),
    )
  return row
}

/** The open cases of a customer. */
export function listOpenCases(
  system: Database,
  { projectId, customerId }: { projectId: ProjectId; customerId: CustomerId },
): Promise<CaseOwner[]> {
  return system
    .select(caseColumns)
    .from(dunningCases)
    .where(
      and(
        eq(dunningCases.projectId, projectId),
        eq(dunningCases.customerId, customerId),
        eq(dunningCases.status, 'open'),
      ),
    )
}

/** Open cases of all projects, page by page. */
export function listWaitingCases(
  system: Database,
  { after, limit }: { after: string; limit: number },
): Promise<CaseOwner[]> {
  return system
    .select(caseColumns)
    .from(dunningCases)
    .where(and(eq(dunningCases.status, 'open'), gt(dunningCases.invoiceId, after)))
    .orderBy(asc(dunningCases.invoiceId))
    .limit(limit)
}

/** Subscriptions of all projects that wait for something that Stripe does not tell of by itself, page by page. */
export function listWaitingSubscriptions(
  system: Database,
  { after, limit }: { after: string; limit: number },
): Promise<Pick<SubscriptionOwner, 'projectId' | 'subscriptionId'>[]> {
  const { projectId, subscriptionId } = subscriptions
  return system
    .select({ projectId, subscriptionId })
    .from(subscriptions)
    .where(and(inArray(subscriptions.status, ['paused', 'past_due']), sql`${subscriptionId} > ${after}`))
    .orderBy(asc(subscriptionId))
    .limit(limit)
}

const caseColumns = {
  projectId: dunningCases.projectId,
  invoiceId: dunningCases.invoiceId,
  subscriptionId: dunningCases.subscriptionId,
}
