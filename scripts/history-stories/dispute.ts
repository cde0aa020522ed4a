import type { WorkflowHandle } from '@temporalio/client'
import type { DisputeView } from '../../activities/follow-dispute.ts'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { disputeStart } from '../../inbox/starts.ts'
import { following } from '../../test/support/played-activities.ts'
import { knownAs } from '../../test/support/snapshots.ts'
import type { PlayedStage, PlayedStory } from '../history-stage.ts'
import { DAY, OPENED_AT } from '../history-world.ts'
import {
  hasStatus,
  operatorRetries,
  operatorSkips,
  rested,
  type StoryClock,
  storyClock,
  wake,
} from './telling.ts'
import { eventually } from '../../test/support/eventually.ts'
import { state } from '../../workflows/messages.ts'

/** Payments that a bank wants back. */

/** A dispute as its row and Stripe have it; its evidence is due in a week. */
function disputed(stage: PlayedStage, clock?: StoryClock) {
  const { name, client, projectId } = stage
  const world = {
    view: {
      status: 'needs_response',
      amount: 4900,
      currency: 'brl',
      reason: 'fraudulent',
      evidenceDueAt: OPENED_AT + 7 * DAY,
    } as DisputeView,
    trouble: undefined as BillingError | undefined,
    becomes(seen: Partial<DisputeView>) {
      world.view = { ...world.view, ...seen }
    },
  }
  stage.play({
    followDispute: async () => {
      if (world.trouble) throw world.trouble
      return { ...world.view, ...(clock && { clockNow: clock.now() }) }
    },
    remindOfDispute: async () => {},
    runCommand: async () => ({ followed: following(knownAs({ status: 'canceled' })) }),
    recordOperatorAction: async () => true,
    ...clock?.played,
  })
  const start = disputeStart({
    projectId,
    disputeId: deriveId('dsp', 'recorded', name),
    stripeDisputeId: 'du_1',
    ownerId: deriveId('pay', 'recorded', name),
    userId: 'user-1',
    correlationId: 'recorded',
    clockId: clock?.clockId ?? null,
  })
  return {
    world,
    handle: client.workflow.getHandle(start.workflowId),
    begin: () => client.workflow.start('dispute', start),
  }
}

async function disputeStory(
  stage: PlayedStage,
  story: (dispute: ReturnType<typeof disputed>) => Promise<unknown>,
  clock?: StoryClock,
): Promise<WorkflowHandle> {
  const dispute = disputed(stage, clock)
  await dispute.begin()
  await rested(dispute.handle)
  await story(dispute)
  await dispute.handle.result()
  return dispute.handle
}

/** It stands under what needs a person anyway, until evidence is handed in. */
const parkedOn = (handle: WorkflowHandle, reason: string) =>
  eventually('it has parked', async () => (await handle.query(state)).attention === reason)

export const disputeStories: Record<string, PlayedStory> = {
  'dispute-won': (stage) =>
    disputeStory(stage, async ({ world, handle }) => {
      world.becomes({ status: 'under_review' })
      await wake(handle, 'evt_1')
      await hasStatus(handle, 'under_review')
      world.becomes({ status: 'won' })
      await wake(handle, 'evt_2')
    }),

  'dispute-lost-after-reminders'(stage) {
    const clock = storyClock(stage.name)
    return disputeStory(
      stage,
      async ({ world, handle }) => {
        for (const days of [2, 2, 2, 1]) {
          await clock.pass(days * DAY, handle)
          await rested(handle)
        }
        world.becomes({ status: 'lost' })
        await wake(handle, 'evt_1')
      },
      clock,
    )
  },

  'dispute-that-was-only-asked-about': (stage) =>
    disputeStory(stage, async ({ world, handle }) => {
      world.becomes({ status: 'warning_closed' })
      await wake(handle, 'evt_1')
    }),

  'dispute-that-ends-the-subscription': (stage) =>
    disputeStory(stage, async ({ world, handle }) => {
      world.becomes({
        status: 'lost',
        cancels: {
          projectId: stage.projectId,
          subscriptionId: deriveId('sbs', 'recorded', stage.name),
          paymentId: deriveId('pay', 'recorded', stage.name),
          stripeSubscriptionId: 'sub_1',
        },
      })
      await wake(handle, 'evt_1')
    }),

  'dispute-parked-and-retried': (stage) =>
    disputeStory(stage, async ({ world, handle }) => {
      world.trouble = new BillingError('provider_object_missing')
      await wake(handle, 'evt_1')
      await parkedOn(handle, 'provider_object_missing')
      world.trouble = undefined
      world.becomes({ status: 'won' })
      await operatorRetries(handle)
    }),

  'dispute-parked-and-skipped': (stage) =>
    disputeStory(stage, async ({ world, handle }) => {
      world.trouble = new BillingError('provider_object_missing')
      await wake(handle, 'evt_1')
      await parkedOn(handle, 'provider_object_missing')
      await operatorSkips(handle)
    }),

  async 'dispute-asked-about-after-its-end'(stage) {
    const { world, handle, begin } = disputed(stage)
    world.becomes({ status: 'lost' })
    await begin()
    await handle.result()
    world.becomes({ status: 'won' })
    const again = await begin()
    await again.result()
    return again
  },
}
