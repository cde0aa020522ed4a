import type { ActivityDependencies } from '../../activities/dependencies.ts'
import { createFollowSubscription } from '../../activities/follow-subscription.ts'
import { inProject } from '../../db/client.ts'
import { readCustomer, setStripeCustomer } from '../../db/customers.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { InvoiceSnapshot, SubscriptionSnapshot } from '../../domain/subscription.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { type Seeded, type SeedPayment, seedPayment } from '../support/seed.ts'
import { declinedAttempt, invoiceSeen, subscriptionSeen } from '../support/snapshots.ts'
import { noTicker } from '../support/ticker.ts'

/** When these subscriptions were sold: long ago, so that nothing has waited too long by the clock of the database. */
export const soldAt = Date.parse('2020-01-01T10:00:00Z')
export const DAY = 24 * 3_600_000
export const MONTH = 30 * DAY

/** A scripted provider with the activities of ours on it: its time is theirs. */
export function createStage(seeded: Seeded) {
  const scripted = createScriptedProvider()
  const { state } = scripted.billing
  state.at = soldAt
  const dependencies: ActivityDependencies = {
    database: seeded.connections.application,
    provider: scripted.provider,
    now: () => new Date(state.at),
    ticker: noTicker,
  }
  return { scripted, state, dependencies, follow: createFollowSubscription(dependencies) }
}
export type Stage = ReturnType<typeof createStage>

/** A subscription that was sold, and a way to show Stripe's word of it in its nth period. */
export async function sell(
  { scripted, state, follow }: Stage,
  seeded: Seeded,
  projectId: ProjectId,
  seed: SeedPayment = {},
) {
  const payment = await seedPayment(seeded, projectId, seed)
  const { subscriptionId, paymentId, customerId } = payment
  if (subscriptionId === null) throw new Error('the payment buys no plan')
  await inProject(seeded.connections.application, projectId, async (transaction) => {
    const customer = await readCustomer(transaction, projectId, customerId)
    await setStripeCustomer(transaction, customer, `cus_${customerId}`)
  })
  const name = subscriptionId.slice(-8)
  const stripeSubscriptionId = `sub_${name}`
  const subject = { projectId, subscriptionId, paymentId, stripeSubscriptionId }
  const invoice = (period: number, seen: Partial<InvoiceSnapshot> = {}): InvoiceSnapshot =>
    invoiceSeen({
      invoiceId: `in_${period}_${name}`,
      billingReason: period === 1 ? 'subscription_create' : 'subscription_cycle',
      ...seen,
    })
  const snapshot = (period: number, seen: Partial<SubscriptionSnapshot> = {}): SubscriptionSnapshot =>
    subscriptionSeen({
      stripeSubscriptionId,
      currentPeriodStart: soldAt + (period - 1) * MONTH,
      currentPeriodEnd: soldAt + period * MONTH,
      latestInvoice: invoice(period),
      ...seen,
    })
  const show = (period: number, seen: Partial<SubscriptionSnapshot> = {}) =>
    scripted.show({ subscription: snapshot(period, seen) })
  return {
    subject,
    subscriptionId,
    invoice,
    snapshot,
    show,
    /** A look at what Stripe shows now. */
    follow: () => follow(subject),
    /** Stripe shows this, and we look. */
    async look(period: number, seen: Partial<SubscriptionSnapshot> = {}) {
      show(period, seen)
      return follow(subject)
    },
    /** The renewal of a period is declined, and we look. */
    async fail(period = 2, seen: Partial<InvoiceSnapshot> = {}) {
      state.at = soldAt + (period - 1) * MONTH + 3_600_000
      const open = invoice(period, {
        status: 'open',
        finalizedAt: state.at,
        attempts: [declinedAttempt(state.at, { stripeChargeId: `ch_${period}_${name}` })],
        ...seen,
      })
      show(period, { status: 'past_due', latestInvoice: open })
      const followed = await follow(subject)
      return { followed, invoiceId: open.invoiceId, failedAt: state.at }
    },
  }
}
export type Sold = Awaited<ReturnType<typeof sell>>
