import type { LookedAtCase } from '../../activities/dunning-steps.ts'
import { deriveId } from '../../db/mint-id.ts'
import { defaultDunningPolicy, type DunningPolicy } from '../../domain/dunning-policy.ts'
import type { BillingError } from '../../domain/errors.ts'
import { dunningStart, type SubscriptionStart, subscriptionStart } from '../../inbox/starts.ts'
import { afterStep } from '../../test/support/after-step.ts'
import { following } from '../../test/support/played-activities.ts'
import { brl, knownAs } from '../../test/support/snapshots.ts'
import { dunningWorkflowId, subscriptionWorkflowId } from '../../workflows/ids.ts'
import type { PlayedStage } from '../history-stage.ts'
import { DAY, OPENED_AT } from '../history-world.ts'
import { type StoryClock, wake } from './telling.ts'

export interface Unpaid {
  policy?: Partial<DunningPolicy>
  /** Without it timers are set, for days that the recording does not wait for. */
  clock?: StoryClock
}

/** A renewal that was not paid, as its rows and Stripe have it. */
export function failedRenewal(stage: PlayedStage, { policy, clock }: Unpaid = {}) {
  const { name, client, projectId } = stage
  const invoiceId = `in_${name}`
  const row: SubscriptionStart = {
    projectId,
    subscriptionId: deriveId('sbs', 'recorded', name),
    paymentId: deriveId('pay', 'recorded', name),
    stripeSubscriptionId: `sub_${name}`,
    userId: 'user-1',
    correlationId: 'recorded',
    planId: 'pro',
    status: 'past_due',
    clockId: clock?.clockId ?? null,
  }
  const world = {
    case: {
      status: 'open',
      failedAt: OPENED_AT,
      policy: { ...defaultDunningPolicy, ...policy },
      retriesDone: 0,
      retriesNoticed: 0,
      graceEnded: false,
      policyVersion: 1,
      amountDue: brl(9900),
      lastDecline: 'insufficient funds',
      stripeRetries: false,
    } as LookedAtCase,
    /** Whether the next charge goes through. */
    pays: false,
    hasEnded: false,
    /** An operator has chosen not to end it. */
    isLeftAlone: false,
    /** What Stripe answers whoever charges or looks at the invoice. */
    refusal: undefined as BillingError | undefined,
    /** Whether Stripe lets the subscription be ended. */
    mayEnd: true,
    recover() {
      world.case = { ...world.case, status: 'recovered' }
    },
  }
  const view = (): LookedAtCase => ({ ...world.case, ...(clock && { clockNow: clock.now() }) })
  const followed = () => {
    const { status } = world.case
    const isOpen = status === 'open' && !world.hasEnded
    const isExhausted = status === 'exhausted' && !world.hasEnded && !world.isLeftAlone
    return following(
      knownAs({
        status: world.hasEnded ? 'canceled' : status === 'recovered' ? 'active' : 'past_due',
        currentPeriodStart: OPENED_AT,
        currentPeriodEnd: OPENED_AT + 30 * DAY,
        openCases: isOpen ? 1 : 0,
      }),
      {
        openCases: isOpen ? [invoiceId] : [],
        amountsDue: { [invoiceId]: brl(9900) },
        ...(isExhausted && { exhausted: { invoiceId, action: 'cancel' } }),
        ...(world.hasEnded && { toVoid: [invoiceId] }),
        ...(clock && { clockNow: clock.now() }),
      },
    )
  }
  const answer = <Answer>(tell: () => Answer): Answer => {
    if (world.refusal) throw world.refusal
    return tell()
  }
  stage.play({
    lookAtCase: async () => answer(view),
    attemptPayment: async ({ retriesDone = 0 }) =>
      answer(() => {
        const done = Math.max(world.case.retriesDone, retriesDone)
        const { newCard: _tried, ...rest } = world.case
        world.case = { ...rest, retriesDone: done }
        if (world.pays) world.recover()
        return { outcome: world.pays ? 'succeeded' : 'declined', followed: followed(), view: view() }
      }),
    recordDunningStep: async ({ step }) => {
      world.case = afterStep(world.case, step)
      return view()
    },
    followSubscription: async () => followed(),
    runCommand: async ({ command }) => {
      if (command.kind === 'cancel' && !world.mayEnd)
        return {
          followed: followed(),
          refusal: { code: 'provider_refused', detail: 'Stripe refused to end it.' },
        }
      if (command.kind === 'cancel') {
        world.hasEnded = true
        if (world.case.status === 'open') world.case = { ...world.case, status: 'canceled' }
      } else world.recover()
      return { followed: followed() }
    },
    // By then the case has told of its end, so that no new run of the subscription is needed to hear of it.
    voidInvoices: async () => {
      await handle.result()
      return []
    },
    recordOperatorAction: async () => true,
    leaveExhausted: async () => {
      world.isLeftAlone = true
    },
    ...clock?.played,
  })
  const handle = client.workflow.getHandle(dunningWorkflowId(invoiceId))
  const subscription = client.workflow.getHandle(subscriptionWorkflowId(row.subscriptionId))
  return {
    world,
    handle,
    subscription,
    startCase: () => client.workflow.start('dunning', dunningStart(row, invoiceId)),
    startSubscription: () => client.workflow.start('subscription', subscriptionStart(row)),
    endSubscription: async () => {
      world.hasEnded = true
      await wake(subscription, 'evt_end')
      await subscription.result()
    },
  }
}
