import { writeAudit } from '../db/audit.ts'
import { inProject, type Transaction } from '../db/client.ts'
import { type CustomerRow, readCustomer } from '../db/customers.ts'
import { hasHappened, once } from '../db/once.ts'
import { listSubscriptions, type SubscriptionRow } from '../db/subscriptions.ts'
import { readTestClock } from '../db/test-clocks.ts'
import { BillingError } from '../domain/errors.ts'
import type { CustomerId, ProjectId } from '../domain/ids.ts'
import type { ActivityDependencies } from './dependencies.ts'

/** Whose cards something is about. */
export interface PayerSubject {
  projectId: ProjectId
  customerId: CustomerId
}

/** A customer with everything that is charged to them. */
export interface Payer {
  customer: CustomerRow
  /** All subscriptions, the ended ones too, oldest first. */
  subscriptions: SubscriptionRow[]
  /** Those that have not ended. */
  running: SubscriptionRow[]
}

/** What was done about a customer's cards, for the audit. */
export interface CardsChanged extends PayerSubject {
  /** Names it for ever: written once, however often it is done. */
  intent: string
  action:
    | 'payment_method.page_opened'
    | 'payment_method.added'
    | 'payment_method.removed'
    | 'payment_method.made_default'
  why: string
  by: string
  correlationId: string
  stripeIds: string[]
  /** Those that are charged to another card from now on: it is told in their timelines, too. */
  subscriptions?: SubscriptionRow[]
  after?: Record<string, unknown>
}

export function createPayers({ database, provider, now }: ActivityDependencies) {
  return {
    async read({ projectId, customerId }: PayerSubject): Promise<Payer> {
      return inProject(database, projectId, async (transaction) => {
        const customer = await readCustomer(transaction, projectId, customerId)
        const all = await listSubscriptions(transaction, projectId, customer.userId, customer.livemode)
        const subscriptions = all.map(({ subscription }) => subscription)
        return {
          customer,
          subscriptions,
          running: subscriptions.filter(({ status }) => status !== 'canceled'),
        }
      })
    },

    hasHappened: ({ projectId, intent }: { projectId: ProjectId; intent: string }): Promise<boolean> =>
      inProject(database, projectId, (transaction) => hasHappened(transaction, { projectId, intent })),

    /** Has a card charged from now on, for these subscriptions. */
    async chargeTo(charged: {
      paymentMethodId: string
      subscriptions: SubscriptionRow[]
      /** Whose default it becomes besides. */
      providerCustomerId?: string
    }): Promise<void> {
      const { paymentMethodId, subscriptions, providerCustomerId } = charged
      for (const { stripeSubscriptionId } of subscriptions)
        await chargeRenewals(stripeSubscriptionId, paymentMethodId)
      // Last, because it is what tells the unpaid invoices to look: by now they see the whole change.
      if (providerCustomerId) await provider.setDefaultPaymentMethod({ providerCustomerId, paymentMethodId })
    },

    record: (change: CardsChanged): Promise<boolean> =>
      inProject(database, change.projectId, (transaction) =>
        once(transaction, { projectId: change.projectId, intent: change.intent }, () =>
          writeRows(transaction, change),
        ),
      ),
  }

  async function chargeRenewals(providerSubscriptionId: string, paymentMethodId: string): Promise<void> {
    try {
      await provider.chargeRenewalsTo({ providerSubscriptionId, paymentMethodId })
    } catch (error) {
      if (!(error instanceof BillingError) || error.retryable) throw error
      const { status } = await provider.readSubscription(providerSubscriptionId)
      // It has ended, which we have yet to hear: there is nothing to charge.
      if (status !== 'canceled' && status !== 'incomplete_expired') throw error
    }
  }

  async function writeRows(transaction: Transaction, change: CardsChanged): Promise<void> {
    const { projectId, customerId, by, action, why, correlationId, stripeIds, after } = change
    const { clockId } = await readCustomer(transaction, projectId, customerId)
    const clock = clockId === null ? undefined : await readTestClock(transaction, projectId, clockId)
    const row = { projectId, actor: by, correlationId, stripeIds, occurredAt: clock?.frozenTime ?? now() }
    await writeAudit(transaction, { ...row, action, subjectId: customerId, why, ...(after && { after }) })
    for (const { subscriptionId } of change.subscriptions ?? [])
      await writeAudit(transaction, {
        ...row,
        action: 'subscription.payment_method_changed',
        subjectId: subscriptionId,
        why,
      })
  }
}
