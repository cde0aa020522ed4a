import { Stripe } from 'stripe'
import type { ChangeRequest, PaymentProvider } from '../../domain/provider.ts'
import { currency, money } from '../../domain/money.ts'
import { BillingError } from '../../domain/errors.ts'
import { idOf } from './snapshots.ts'

/** Changes of plan: previewed, made at once, when paid, or at the period's end.
 *  Source: https://docs.stripe.com/billing/subscriptions/prorations, https://docs.stripe.com/billing/subscriptions/pending-updates,
 *  https://docs.stripe.com/billing/subscriptions/subscription-schedules */
export function subscriptionChanges(
  stripe: Stripe,
): Pick<
  PaymentProvider,
  'previewChange' | 'changeNow' | 'changeWhenPaid' | 'changeAtPeriodEnd' | 'dropPendingChange'
> {
  return {
    async previewChange(request) {
      const subscription = await stripe.subscriptions.retrieve(request.providerSubscriptionId)
      const { items, proration_behavior, proration_date } = changeParams(request, subscription)
      const preview = await stripe.invoices.createPreview({
        subscription: subscription.id,
        subscription_details: { items, proration_behavior, proration_date },
      })
      const code = currency(preview.currency)
      return {
        // What is negative is not paid out: it becomes credit, and Stripe then says that nothing is due.
        amountDue: money(preview.total < 0 ? preview.total : preview.amount_due, code),
        lines: preview.lines.data.map((line) => ({
          description: line.description ?? '',
          amount: money(line.amount, code),
          periodStart: line.period.start * 1000,
          periodEnd: line.period.end * 1000,
        })),
      }
    },

    async changeNow(request, effectKey) {
      const subscription = await stripe.subscriptions.retrieve(request.providerSubscriptionId)
      if (sells(subscription, request)) return 'changed'
      try {
        await stripe.subscriptions.update(
          subscription.id,
          { ...changeParams(request, subscription), payment_behavior: 'error_if_incomplete' },
          { idempotencyKey: effectKey },
        )
        return 'changed'
      } catch (error) {
        if (error instanceof Stripe.errors.StripeError && needsCustomer(error)) return 'authenticate'
        throw error
      }
    },

    async changeWhenPaid(request, effectKey) {
      const subscription = await stripe.subscriptions.retrieve(request.providerSubscriptionId, {
        expand: ['latest_invoice'],
      })
      const pending = subscription.pending_update
        ? subscription
        : await stripe.subscriptions.update(
            subscription.id,
            {
              ...changeParams(request, subscription),
              payment_behavior: 'pending_if_incomplete',
              expand: ['latest_invoice'],
            },
            { idempotencyKey: effectKey },
          )
      const { latest_invoice: invoice, pending_update: update } = pending
      const payUrl = invoice !== null && typeof invoice === 'object' ? invoice.hosted_invoice_url : undefined
      return { payUrl: payUrl ?? undefined, lapsesAt: (update?.expires_at ?? 0) * 1000 }
    },

    async changeAtPeriodEnd({ providerSubscriptionId, providerPriceId, quantity, interval }, effectKey) {
      const subscription = await stripe.subscriptions.retrieve(providerSubscriptionId, {
        expand: ['latest_invoice'],
      })
      await dropPendingUpdate(stripe, subscription)
      const scheduleId = idOf(subscription.schedule)
      const schedule = scheduleId
        ? await stripe.subscriptionSchedules.retrieve(scheduleId)
        : await stripe.subscriptionSchedules.create(
            { from_subscription: providerSubscriptionId },
            { idempotencyKey: effectKey },
          )
      // A change that has come is the schedule's current phase, for a whole period.
      const { phases, current_phase: now } = schedule
      const current = phases.find(({ start_date: start }) => start === now?.start_date) ?? phases[0]
      const item = onlyItem(subscription)
      if (!current)
        throw new BillingError('provider_refused', { detail: `Schedule ${schedule.id} has no phase.` })
      // Saying the same again leaves the schedule as it is, so this needs no key.
      await stripe.subscriptionSchedules.update(schedule.id, {
        end_behavior: 'release',
        proration_behavior: 'none',
        phases: [
          {
            items: [{ price: item.price.id, quantity: item.quantity ?? 1 }],
            start_date: current.start_date,
            end_date: item.current_period_end,
          },
          {
            items: [{ price: providerPriceId, quantity }],
            duration: { interval, interval_count: 1 },
            // Another interval starts a period of its own; without this nothing would be billed until the old one's date. The
            // same one keeps its day: one of the 31st would renew on the 28th ever after a change in February.
            ...(item.price.recurring?.interval !== interval && { billing_cycle_anchor: 'phase_start' }),
            proration_behavior: 'none',
          },
        ],
      })
    },

    async dropPendingChange(providerSubscriptionId) {
      const subscription = await stripe.subscriptions.retrieve(providerSubscriptionId, {
        expand: ['latest_invoice'],
      })
      const scheduleId = idOf(subscription.schedule)
      if (scheduleId) await stripe.subscriptionSchedules.release(scheduleId)
      await dropPendingUpdate(stripe, subscription)
    },
  }
}

/** A change that waits for its payment is dropped with the invoice it waits for, which is the latest. */
async function dropPendingUpdate(
  stripe: Stripe,
  { latest_invoice: invoice, pending_update: update }: Stripe.Subscription,
): Promise<void> {
  if (update && invoice !== null && typeof invoice === 'object' && invoice.id && invoice.status === 'open')
    await stripe.invoices.voidInvoice(invoice.id)
}

function changeParams(
  { providerPriceId, quantity, at }: ChangeRequest,
  subscription: Stripe.Subscription,
): {
  items: { id: string; price: string; quantity: number }[]
  proration_behavior: 'always_invoice'
  proration_date: number
} {
  return {
    items: [{ id: onlyItem(subscription).id, price: providerPriceId, quantity }],
    proration_behavior: 'always_invoice',
    proration_date: Math.floor(at / 1000),
  }
}

function sells(subscription: Stripe.Subscription, { providerPriceId, quantity }: ChangeRequest): boolean {
  const item = onlyItem(subscription)
  return item.price.id === providerPriceId && (item.quantity ?? 1) === quantity
}

/** Ours have one item each. */
function onlyItem({ id, items }: Stripe.Subscription): Stripe.SubscriptionItem {
  const [item] = items.data
  if (!item) throw new BillingError('provider_refused', { detail: `Subscription ${id} has no item.` })
  return item
}

function needsCustomer({ code }: InstanceType<typeof Stripe.errors.StripeError>): boolean {
  return code === 'subscription_payment_intent_requires_action' || code === 'authentication_required'
}
