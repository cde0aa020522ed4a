import {
  currentPolicy,
  type DunningAttemptRow,
  type DunningCaseRow,
  finishAttempt,
  insertAttempt,
  insertCase,
  listAttempts,
  updateCase,
} from '../db/dunning.ts'
import { ownStripeObjects } from '../db/stripe-objects.ts'
import type { SubscriptionWithPlan } from '../db/subscriptions.ts'
import type { ChargeAttempt } from '../domain/checkout.ts'
import { describeDecline } from '../domain/decline-codes.ts'
import {
  type AttemptOutcome,
  type AttemptTrigger,
  type DunningEnding,
  graceUntilOf,
  nextDunningStatus,
  nextRetryAtOf,
} from '../domain/dunning.ts'
import type { EventDraft } from '../domain/events.ts'
import { firstFailureOf, type InvoiceSnapshot } from '../domain/subscription.ts'
import { dunningWorkflowId, subscriptionWorkflowId } from '../workflows/ids.ts'
import {
  alertOfFailure,
  describeTrigger,
  dunningData,
  notice,
  noticeOfFailure,
  owed,
  retryScheduled,
} from './dunning-events.ts'
import { enterPaidInvoice } from './paid-invoice.ts'
import { type Scene, tell, wakeOnClock } from './scene.ts'

/** What happens to an unpaid invoice, written inside a recording transaction. */

/** Opens the case of an invoice that could not be collected: from now on we alone collect it, on the days its policy names. */
export async function openCase(
  scene: Scene,
  subscription: SubscriptionWithPlan,
  invoice: InvoiceSnapshot,
): Promise<DunningCaseRow> {
  const { transaction, payment, at } = scene
  const { projectId, subscriptionId } = scene.subject
  const { invoiceId, amountDue } = invoice
  const { version, policy } = await currentPolicy(transaction, projectId, subscription.subscription.planId)
  const failedAt = firstFailureOf(invoice) ?? at.getTime()
  const opened = await insertCase(transaction, {
    projectId,
    invoiceId,
    subscriptionId,
    customerId: payment.customerId,
    livemode: payment.livemode,
    status: 'open',
    amountDue: amountDue.amountMinor,
    currency: amountDue.currency,
    failedAt: new Date(failedAt),
    policy,
    policyVersion: version,
    nextRetryAt: asDate(nextRetryAtOf({ failedAt, policy, retriesDone: 0 })),
    graceUntil: new Date(graceUntilOf({ failedAt, policy })),
    payUrl: invoice.payUrl ?? null,
    stripeNextAttemptAt: asDate(invoice.nextAttemptAt),
    correlationId: payment.correlationId,
  })
  const attempts = invoice.attempts ?? []
  const tried: DunningAttemptRow[] = []
  for (const [index, attempt] of attempts.entries())
    tried.push(await insertForeign(scene, opened, attempt, index === 0 ? 'renewal' : 'customer'))
  const decline = attempts.at(-1)?.declineCode
  const trouble =
    attempts.length > 0 ? decline : invoice.lacksCard ? 'no_payment_method' : 'authentication_required'
  await tell(scene, {
    intent: `${invoiceId}/opened`,
    action: 'dunning.opened',
    why: `The renewal could not be charged: ${describeDecline(trouble)}.`,
    occurredAt: opened.failedAt,
    stripeIds: [invoiceId],
    policyVersion: version,
    amount: amountDue,
    after: { next_retry_at: opened.nextRetryAt?.toISOString(), grace_until: opened.graceUntil.toISOString() },
    events: [
      ...retryScheduled(opened, subscription),
      alertOfFailure(opened, subscription, Math.max(attempts.length, 1), decline),
      noticeOfFailure(opened, subscription, trouble, tried),
    ],
  })
  await wakeOnClock(scene, [dunningWorkflowId(invoiceId)])
  return opened
}

/** Ends a case, in the transaction of whatever ended it. A case that knows no such ending stays as it is. */
export async function endCase(
  scene: Scene,
  found: DunningCaseRow,
  ending: DunningEnding,
  { at, why, paid }: { at: Date; why: string; paid?: InvoiceSnapshot },
): Promise<DunningCaseRow> {
  const { transaction } = scene
  const status = nextDunningStatus(found.status, ending)
  if (!status) return found
  const { invoiceId } = found
  const ended = await updateCase(transaction, found, { status, endedAt: at, nextRetryAt: null })
  const { subscription } = scene
  await tell(
    scene,
    {
      intent: `${invoiceId}/${ending}`,
      action: `dunning.${ending}`,
      why,
      occurredAt: at,
      stripeIds: [invoiceId],
      policyVersion: found.policyVersion,
      amount: paid?.amountPaid ?? owed(found),
      events: [
        ...(ending === 'exhausted' && subscription
          ? [
              {
                type: 'dunning.exhausted',
                subject: found.subscriptionId,
                data: { ...dunningData(found, subscription), on_exhausted: found.policy.onExhausted },
              } satisfies EventDraft,
            ]
          : []),
        ...(ending === 'recovered' && subscription
          ? [notice('payment_recovered', ended, subscription, { attempts: [] })]
          : []),
      ],
    },
    async () => {
      if (!paid) return
      await enterPaidInvoice(scene, paid, at)
      await ownStripeObjects(
        transaction,
        { projectId: found.projectId, ownerId: found.subscriptionId, livemode: found.livemode },
        [invoiceId, paid.stripePaymentIntentId],
      )
    },
  )
  await wakeOnClock(scene, [
    subscriptionWorkflowId(found.subscriptionId),
    // One that has come to its end does not run any more.
    ...(found.status === 'open' ? [dunningWorkflowId(invoiceId)] : []),
  ])
  return ended
}

/** Follows what Stripe shows of a case's invoice. */
export async function followInvoice(
  scene: Scene,
  found: DunningCaseRow,
  invoice: InvoiceSnapshot,
): Promise<DunningCaseRow> {
  switch (invoice.status) {
    case 'paid':
      return endCase(scene, found, 'recovered', {
        at: asDate(invoice.paidAt) ?? scene.at,
        why: 'The invoice was paid.',
        paid: invoice,
      })
    case 'void':
    case 'uncollectible':
      return endCase(scene, found, 'voided', {
        at: scene.at,
        why: invoice.status === 'void' ? 'The invoice was made void.' : 'The invoice was written off.',
      })
    case 'draft':
    case 'open':
      await recordForeignAttempts(scene, found, invoice.attempts ?? [])
      return found
  }
}

/** Tries that were not ours: the customer on Stripe's page, somebody in Stripe's dashboard. While one of ours is under way its
 *  charge cannot be told from theirs, so they wait for the next look. */
async function recordForeignAttempts(
  scene: Scene,
  found: DunningCaseRow,
  attempts: ChargeAttempt[],
): Promise<void> {
  const { transaction } = scene
  if (attempts.length === 0) return
  const known = await listAttempts(transaction, found.projectId, [found.invoiceId])
  if (known.some(({ outcome }) => outcome === null)) return
  const knownCharges = new Set(known.map(({ stripeChargeId }) => stripeChargeId))
  for (const attempt of attempts.filter(({ stripeChargeId }) => !knownCharges.has(stripeChargeId))) {
    const row = await insertForeign(scene, found, attempt, 'customer')
    if (row.outcome === 'declined') await tellFailedAttempt(scene, found, row)
  }
}

function insertForeign(
  { transaction }: Scene,
  { projectId, invoiceId }: DunningCaseRow,
  attempt: ChargeAttempt,
  trigger: AttemptTrigger,
): Promise<DunningAttemptRow> {
  return insertAttempt(transaction, {
    projectId,
    invoiceId,
    intent: attempt.stripeChargeId,
    trigger,
    paymentMethodId: attempt.paymentMethodId ?? null,
    startedAt: new Date(attempt.attemptedAt),
    outcome: attempt.outcome === 'succeeded' ? 'succeeded' : 'declined',
    declineCode: attempt.declineCode ?? null,
    adviceCode: attempt.adviceCode ?? null,
    stripeChargeId: attempt.stripeChargeId,
  })
}

/** Writes what Stripe answered to an attempt of ours. */
export async function recordAttempt(
  scene: Scene,
  found: DunningCaseRow,
  attempt: DunningAttemptRow,
  answer: { outcome: AttemptOutcome; declineCode?: string; adviceCode?: string; chargeId?: string },
): Promise<void> {
  const { transaction, payment } = scene
  const columns = {
    outcome: answer.outcome,
    declineCode: answer.declineCode ?? null,
    adviceCode: answer.adviceCode ?? null,
    stripeChargeId: answer.chargeId ?? null,
  }
  if (!(await finishAttempt(transaction, attempt, columns))) return
  const { projectId, livemode } = payment
  await ownStripeObjects(transaction, { projectId, ownerId: found.subscriptionId, livemode }, [
    answer.chargeId,
  ])
  if (answer.outcome === 'declined' || answer.outcome === 'needs_customer')
    await tellFailedAttempt(scene, found, { ...attempt, ...columns })
}

async function tellFailedAttempt(
  scene: Scene,
  found: DunningCaseRow,
  attempt: DunningAttemptRow,
): Promise<void> {
  const { transaction, subscription } = scene
  if (!subscription) return
  const attempts = await listAttempts(transaction, found.projectId, [found.invoiceId])
  const failures = attempts.filter(
    ({ outcome }) => outcome === 'declined' || outcome === 'needs_customer',
  ).length
  const { declineCode, adviceCode, trigger, invoiceId, ordinal } = attempt
  await tell(scene, {
    intent: `${invoiceId}/attempt/${ordinal}`,
    action: 'dunning.retry_failed',
    why: `${describeTrigger(trigger)}: ${describeDecline(declineCode ?? undefined)}.`,
    occurredAt: attempt.startedAt,
    stripeIds: [invoiceId, attempt.stripeChargeId ?? ''].filter(Boolean),
    policyVersion: found.policyVersion,
    amount: owed(found),
    events: [
      {
        type: 'dunning.retry_failed',
        subject: found.subscriptionId,
        data: {
          ...dunningData(found, subscription),
          trigger,
          ...(declineCode !== null && { decline_code: declineCode }),
          ...(adviceCode !== null && { advice_code: adviceCode }),
        },
      },
      alertOfFailure(found, subscription, failures, declineCode ?? undefined),
      noticeOfFailure(found, subscription, declineCode ?? undefined, attempts),
    ],
  })
}

const asDate = (at: number | undefined) => (at === undefined ? null : new Date(at))
