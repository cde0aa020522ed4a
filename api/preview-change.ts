import type { SubscriptionCommand } from '../domain/commands.ts'
import { plannedPeriodEnd } from '../domain/periods.ts'
import { BillingError } from '../domain/errors.ts'
import type { ProjectId } from '../domain/ids.ts'
import type { InvoicePreview } from '../domain/provider.ts'
import type { ApiDependencies } from './dependencies.ts'
import { findSoldPlan } from './find-sold-plan.ts'
import { findCommanded, refuseImpossible } from './perform-command.ts'

/** What a change of plan would cost. Changes nothing.
 *  @throws BillingError with why it cannot be made. */
export async function previewChange(
  dependencies: ApiDependencies,
  projectId: ProjectId,
  name: string,
  change: Extract<SubscriptionCommand, { kind: 'changePlan' }>,
) {
  const commanded = await findCommanded(dependencies, projectId, name)
  refuseImpossible(commanded, change)
  const { found, known, now } = commanded
  const { planId, when, quantity: units = known.quantity } = change
  const plan = await findSoldPlan(dependencies, projectId, found, planId)
  if (when === 'period_end') {
    const amount = plan.amount * units
    const start = new Date(known.currentPeriodEnd).toISOString()
    const end = new Date(plannedPeriodEnd(known, found.plan.interval, plan.interval)).toISOString()
    return {
      amount_due: amount,
      currency: plan.currency,
      due_at: start,
      lines: [{ description: `${units} × ${plan.name}`, amount, period_start: start, period_end: end }],
    }
  }
  if (plan.stripePriceId === null)
    throw new BillingError('outcome_pending', {
      detail: 'The price of this plan is still being made. Repeat the request in a moment.',
    })
  return showPreview(
    await dependencies.provider.previewChange({
      providerSubscriptionId: found.subscription.stripeSubscriptionId,
      providerPriceId: plan.stripePriceId,
      interval: plan.interval,
      quantity: units,
      at: now,
    }),
    now,
  )
}

function showPreview({ amountDue, lines }: InvoicePreview, now: number) {
  return {
    amount_due: amountDue.amountMinor,
    currency: amountDue.currency,
    due_at: new Date(now).toISOString(),
    lines: lines.map(({ description, amount, periodStart, periodEnd }) => ({
      description,
      amount: amount.amountMinor,
      period_start: new Date(periodStart).toISOString(),
      period_end: new Date(periodEnd).toISOString(),
    })),
  }
}
