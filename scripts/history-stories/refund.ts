import type { WorkflowHandle } from '@temporalio/client'
import type { RefundView } from '../../activities/follow-refund.ts'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import type { RefundOpening } from '../../domain/refunds.ts'
import { refundStart, subscriptionStart } from '../../inbox/starts.ts'
import { following } from '../../test/support/played-activities.ts'
import { knownAs } from '../../test/support/snapshots.ts'
import { refundDecided } from '../../workflows/messages.ts'
import type { PlayedStage, PlayedStory } from '../history-stage.ts'
import { DAY, OPENED_AT } from '../history-world.ts'
import {
  hasStatus,
  operatorRetries,
  operatorSkips,
  parked,
  rested,
  type StoryClock,
  storyClock,
  wake,
} from './telling.ts'

/** Money that goes back. */

interface Asked {
  view?: Partial<RefundView>
  opening?: RefundOpening
  clock?: StoryClock
}

/** A refund as its row and Stripe have it. */
function asked(stage: PlayedStage, { view, opening, clock }: Asked = {}) {
  const { name, client, projectId } = stage
  const subject = {
    projectId,
    subscriptionId: deriveId('sbs', 'recorded', name),
    paymentId: deriveId('pay', 'recorded', name),
    stripeSubscriptionId: `sub_${name}`,
  }
  const opened: RefundView = {
    status: 'pending',
    amount: 4900,
    currency: 'brl',
    requestedBy: 'ana',
    requestedAt: OPENED_AT,
  }
  const world = {
    view: { ...opened, ...view },
    trouble: undefined as BillingError | undefined,
    isThere: true,
    subscriptionStatus: 'active' as 'active' | 'canceled',
    becomes(seen: Partial<RefundView>) {
      world.view = { ...world.view, ...seen }
    },
  }
  const followed = () =>
    following(
      knownAs({
        status: world.subscriptionStatus,
        currentPeriodStart: OPENED_AT,
        currentPeriodEnd: OPENED_AT + 30 * DAY,
      }),
    )
  stage.play({
    openRefund: async () => world.isThere,
    followRefund: async () => {
      if (world.trouble) throw world.trouble
      return { ...world.view, ...(clock && { clockNow: clock.now() }) }
    },
    skipRefund: async () => 'failed' as const,
    followSubscription: async () => followed(),
    runCommand: async () => {
      world.subscriptionStatus = 'canceled'
      return { followed: followed() }
    },
    recordOperatorAction: async () => true,
    ...clock?.played,
  })
  const start = refundStart({
    projectId,
    refundId: deriveId('rfd', 'recorded', name),
    userId: 'user-1',
    correlationId: 'recorded',
    clockId: clock?.clockId ?? null,
    ...(opening && { opening }),
  })
  return {
    world,
    subject,
    handle: client.workflow.getHandle(start.workflowId),
    begin: () => client.workflow.start('refund', start),
  }
}

async function refundStory(
  stage: PlayedStage,
  story: (refund: ReturnType<typeof asked>) => Promise<unknown>,
  circumstances: Asked = {},
): Promise<WorkflowHandle> {
  const refund = asked(stage, circumstances)
  await refund.begin()
  await story(refund)
  await refund.handle.result()
  return refund.handle
}
const nothingMore = async () => {}

export const refundStories: Record<string, PlayedStory> = {
  'refund-succeeded': (stage) => refundStory(stage, nothingMore, { view: { status: 'succeeded' } }),

  'refund-refused': (stage) =>
    refundStory(stage, nothingMore, { view: { status: 'failed', failureCode: 'charge_disputed' } }),

  'refund-failed-later': (stage) =>
    refundStory(stage, async ({ world, handle }) => {
      await rested(handle)
      world.becomes({ status: 'failed', failureCode: 'expired_or_canceled_card' })
      await wake(handle, 'evt_1')
    }),

  'refund-approved': (stage) =>
    refundStory(
      stage,
      async ({ world, handle }) => {
        await hasStatus(handle, 'awaiting_approval')
        world.becomes({ status: 'succeeded' })
        await handle.signal(refundDecided)
      },
      { view: { status: 'awaiting_approval' } },
    ),

  'refund-parked-and-retried': (stage) =>
    refundStory(stage, async ({ world, handle }) => {
      await rested(handle)
      world.trouble = new BillingError('provider_object_missing')
      await wake(handle, 'evt_1')
      await parked(handle)
      world.trouble = undefined
      world.becomes({ status: 'succeeded' })
      await operatorRetries(handle)
    }),

  'refund-parked-and-skipped': (stage) =>
    refundStory(stage, async ({ world, handle }) => {
      await rested(handle)
      world.trouble = new BillingError('provider_object_missing')
      await wake(handle, 'evt_1')
      await parked(handle)
      await operatorSkips(handle)
    }),

  async 'refund-given-up'(stage) {
    const { world, handle, begin } = asked(stage)
    world.trouble = new BillingError('provider_object_missing')
    await begin()
    await parked(handle)
    await operatorSkips(handle)
    await handle.result()
    return handle
  },

  'refund-stuck-for-a-month'(stage) {
    const clock = storyClock(stage.name)
    return refundStory(
      stage,
      async ({ world, handle }) => {
        await rested(handle)
        await clock.pass(31 * DAY, handle)
        await parked(handle)
        world.becomes({ status: 'succeeded' })
        await operatorRetries(handle)
      },
      { clock },
    )
  },

  'refund-from-the-dashboard': (stage) =>
    refundStory(stage, nothingMore, {
      view: { status: 'succeeded' },
      opening: {
        kind: 'dashboard',
        stripeRefundId: 're_1',
        ownerId: deriveId('pay', 'recorded', stage.name),
      },
    }),

  async 'refund-of-nothing'(stage) {
    const refund = asked(stage, {
      opening: {
        kind: 'fraud_warning',
        warningId: 'issfr_1',
        ownerId: deriveId('pay', 'recorded', stage.name),
        chargeId: 'ch_1',
        fraudType: 'made_with_stolen_card',
      },
    })
    refund.world.isThere = false
    await refund.begin()
    await refund.handle.result()
    return refund.handle
  },

  async 'refund-that-ends-the-subscription'(stage) {
    const { world, subject, handle, begin } = asked(stage, { view: { status: 'succeeded' } })
    const subscription = await stage.client.workflow.start(
      'subscription',
      subscriptionStart({
        ...subject,
        userId: 'user-1',
        correlationId: 'recorded',
        planId: 'pro',
        status: 'active',
        clockId: null,
      }),
    )
    await rested(subscription)
    world.becomes({ cancels: subject })
    await begin()
    await handle.result()
    await subscription.result()
    return [
      { name: stage.name, workflowId: handle.workflowId },
      { name: 'subscription-ended-by-a-refund', workflowId: subscription.workflowId },
    ]
  },

  async 'refund-that-ends-a-subscription-at-rest'(stage) {
    const { world, subject, handle, begin } = asked(stage, { view: { status: 'succeeded' } })
    world.becomes({ cancels: subject })
    await begin()
    await handle.result()
    return handle
  },

  async 'refund-asked-about-after-its-end'(stage) {
    const { handle, world, begin } = asked(stage, { view: { status: 'succeeded' } })
    await begin()
    await handle.result()
    world.becomes({ status: 'failed', failureCode: 'unknown' })
    const again = await begin()
    await again.result()
    return again
  },
}
