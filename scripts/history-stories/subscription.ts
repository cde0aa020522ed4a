import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client'
import type { CommandResult, RefundDue } from '../../activities/run-command.ts'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { type KnownSubscription, trialNoticeAt } from '../../domain/subscription.ts'
import { subscriptionStart } from '../../inbox/starts.ts'
import { eventually } from '../../test/support/eventually.ts'
import { following } from '../../test/support/played-activities.ts'
import { knownAs } from '../../test/support/snapshots.ts'
import { refundWorkflowId } from '../../workflows/ids.ts'
import { cancel, changePlan, pause, resume } from '../../workflows/messages.ts'
import type { PlayedStage, PlayedStory } from '../history-stage.ts'
import { DAY, OPENED_AT } from '../history-world.ts'
import {
  handedOver,
  hasStatus,
  operatorRetries,
  operatorSkips,
  parked,
  request,
  rested,
  type StoryClock,
  storyClock,
  toldMuch,
  wake,
} from './telling.ts'

/** What people ask of subscriptions, and what comes by itself. */

const MONTH = 30 * DAY
const inPeriod = (period: number, known: Partial<KnownSubscription> = {}): KnownSubscription =>
  knownAs({
    currentPeriodStart: OPENED_AT + (period - 1) * MONTH,
    currentPeriodEnd: OPENED_AT + period * MONTH,
    ...known,
  })

/** A subscription as its rows and Stripe have it. */
function sold(stage: PlayedStage, { known = {}, clock }: Circumstances) {
  const { name, client, projectId } = stage
  const world = {
    known: inPeriod(1, known),
    neverStarted: false,
    /** What comes with the answer to the next command. */
    result: {} as Partial<CommandResult>,
    /** What was paid before it could be made void. */
    paidLate: [] as RefundDue[],
    trouble: undefined as BillingError | undefined,
    becomes(known: Partial<KnownSubscription>) {
      world.known = { ...world.known, revision: world.known.revision + 1, ...known }
    },
  }
  const followed = () => {
    const { known, neverStarted } = world
    const seen = following(known, {
      neverStarted,
      toVoid: known.status === 'canceled' ? ['in_open'] : [],
      ...(clock && { clockNow: clock.now() }),
    })
    if (!neverStarted) return seen
    const { known: _unknown, ...rest } = seen
    return rest
  }
  const answer = <Answer>(tell: () => Answer): Answer => {
    if (world.trouble) throw world.trouble
    return tell()
  }
  stage.play({
    followSubscription: async () => answer(followed),
    runCommand: async () => answer(() => ({ followed: followed(), ...world.result })),
    recordTrialNotice: async () => true,
    voidInvoices: async () => world.paidLate,
    recordOperatorAction: async () => true,
    openRefund: async () => true,
    followRefund: async () => ({
      status: 'succeeded',
      amount: 4900,
      currency: 'brl',
      requestedBy: 'ana',
      requestedAt: OPENED_AT,
    }),
    ...clock?.played,
  })
  const start = () =>
    client.workflow.start(
      'subscription',
      subscriptionStart({
        projectId,
        subscriptionId: deriveId('sbs', 'recorded', name),
        paymentId: deriveId('pay', 'recorded', name),
        stripeSubscriptionId: `sub_${name}`,
        userId: 'user-1',
        correlationId: 'recorded',
        planId: 'pro',
        status: 'active',
        clockId: clock?.clockId ?? null,
      }),
    )
  return { world, start }
}
interface Circumstances {
  known?: Partial<KnownSubscription>
  clock?: StoryClock
}

/** It runs, the story happens to it, and it ends, unless the story has ended it. */
async function life(
  stage: PlayedStage,
  story: (life: {
    world: ReturnType<typeof sold>['world']
    handle: WorkflowHandleWithFirstExecutionRunId
  }) => Promise<unknown>,
  circumstances: Circumstances = {},
) {
  const { world, start } = sold(stage, circumstances)
  const handle = await start()
  await rested(handle)
  await story({ world, handle })
  if (world.known.status !== 'canceled') {
    await rested(handle)
    world.becomes({ status: 'canceled' })
    await wake(handle, 'evt_end')
  }
  await handle.result()
  return handle
}

export const subscriptionStories: Record<string, PlayedStory> = {
  'subscription-plan-changed-now': (stage) =>
    life(stage, async ({ world, handle }) => {
      world.becomes({ planId: 'team' })
      await handle.executeUpdate(changePlan, { args: [{ plan_id: 'team', when: 'now', ...request }] })
    }),

  'subscription-plan-changed-at-period-end': (stage) =>
    life(stage, async ({ world, handle }) => {
      world.becomes({
        pendingChange: {
          planId: 'team',
          planVersion: 1,
          quantity: 1,
          when: 'period_end',
          at: OPENED_AT + MONTH,
        },
      })
      await handle.executeUpdate(changePlan, { args: [{ plan_id: 'team', when: 'period_end', ...request }] })
    }),

  'subscription-canceled-at-period-end-and-resumed': (stage) =>
    life(stage, async ({ world, handle }) => {
      world.becomes({ cancelAtPeriodEnd: true })
      await handle.executeUpdate(cancel, { args: [{ at: 'period_end', ...request }] })
      world.becomes({ cancelAtPeriodEnd: false })
      await handle.executeUpdate(resume, { args: [request] })
    }),

  async 'subscription-canceled-now'(stage) {
    const refundId = deriveId('rfd', 'recorded', stage.name)
    const handle = await life(stage, async ({ world, handle: running }) => {
      world.becomes({ status: 'canceled' })
      const ownerId = deriveId('sbs', 'recorded', stage.name)
      world.result.refundDue = {
        refundId,
        opening: { kind: 'cancellation', ownerId, invoiceId: 'in_1', endedAt: OPENED_AT, by: 'ana' },
      }
      await running.executeUpdate(cancel, { args: [{ at: 'now', ...request }] })
    })
    const refund = stage.client.workflow.getHandle(refundWorkflowId(refundId))
    await refund.result()
    return [
      { name: stage.name, workflowId: handle.workflowId },
      { name: 'refund-of-a-cancellation', workflowId: refund.workflowId },
    ]
  },

  async 'subscription-paid-after-its-end'(stage) {
    const refundId = deriveId('rfd', 'recorded', stage.name)
    const handle = await life(stage, async ({ world }) => {
      const ownerId = deriveId('sbs', 'recorded', stage.name)
      world.paidLate = [{ refundId, opening: { kind: 'late_payment', ownerId, invoiceId: 'in_open' } }]
    })
    await stage.client.workflow.getHandle(refundWorkflowId(refundId)).result()
    return handle
  },

  'subscription-paused-and-resumed': (stage) =>
    life(stage, async ({ world, handle }) => {
      world.becomes({ status: 'paused' })
      await handle.executeUpdate(pause, { args: [request] })
      world.becomes({ status: 'active' })
      await handle.executeUpdate(resume, { args: [request] })
    }),

  'subscription-paused-until-a-date'(stage) {
    const clock = storyClock(stage.name)
    return life(
      stage,
      async ({ world, handle }) => {
        const until = OPENED_AT + 10 * DAY
        world.becomes({ status: 'paused', pausedUntil: until })
        await handle.executeUpdate(pause, { args: [{ until: new Date(until).toISOString(), ...request }] })
        await rested(handle)
        const { pausedUntil: _over, ...resumed } = world.known
        world.known = { ...resumed, status: 'active' }
        await clock.pass(10 * DAY, handle)
        await hasStatus(handle, 'active')
      },
      { clock },
    )
  },

  'subscription-command-refused': (stage) =>
    life(stage, async ({ world, handle }) => {
      world.result.refusal = { code: 'card_declined', detail: 'The card was declined.' }
      const asked = handle.executeUpdate(changePlan, {
        args: [{ plan_id: 'team', when: 'now', ...request }],
      })
      await Promise.allSettled([asked])
    }),

  'subscription-command-parked-and-retried': (stage) =>
    life(stage, async ({ world, handle }) => {
      world.trouble = new BillingError('provider_refused')
      const paused = handle.executeUpdate(pause, { args: [request] })
      await parked(handle)
      world.trouble = undefined
      world.becomes({ status: 'paused' })
      await operatorRetries(handle)
      await paused
    }),

  'subscription-command-parked-and-skipped': (stage) =>
    life(stage, async ({ world, handle }) => {
      world.trouble = new BillingError('provider_refused')
      const paused = handle.executeUpdate(pause, { args: [request] })
      await parked(handle)
      world.trouble = undefined
      await operatorSkips(handle)
      await paused
    }),

  'subscription-trial-announced'(stage) {
    const clock = storyClock(stage.name)
    const known = inPeriod(1, { status: 'trialing', trialEnd: OPENED_AT + 14 * DAY })
    return life(
      stage,
      async ({ handle }) => {
        await clock.pass((trialNoticeAt(known) ?? OPENED_AT) - OPENED_AT, handle)
        await rested(handle)
      },
      { clock, known },
    )
  },

  async 'subscription-renewed-on-a-test-clock'(stage) {
    const clock = storyClock(stage.name)
    const { world, start } = sold(stage, { clock })
    const handle = await start()
    await rested(handle)
    world.known = inPeriod(2, { revision: 2, paidInvoiceId: 'in_2' })
    await clock.pass(MONTH + DAY, handle)
    return handedOver(stage.name, handle)
  },

  'subscription-without-stripe': (stage) =>
    life(stage, async ({ world, handle }) => {
      world.trouble = new BillingError('provider_unavailable')
      await wake(handle, 'evt_1')
      await eventually('the look waits as an ordinary activity', async () => {
        const { raw } = await handle.describe()
        return raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'followSubscription')
      })
      world.trouble = undefined
    }),

  async 'subscription-never-started'(stage) {
    const { world, start } = sold(stage, {})
    world.neverStarted = true
    const handle = await start()
    await handle.result()
    return handle
  },

  async 'subscription-carried-on'(stage) {
    const handle = await sold(stage, {}).start()
    await rested(handle)
    return toldMuch(stage.name, handle)
  },
}
