import type { WorkflowHandle } from '@temporalio/client'
import { BillingError } from '../../domain/errors.ts'
import { cancel, retryPayment } from '../../workflows/messages.ts'
import type { PlayedStage, PlayedStory } from '../history-stage.ts'
import { DAY } from '../history-world.ts'
import { failedRenewal, type Unpaid } from './failed-renewal.ts'
import {
  hasStatus,
  operatorRetries,
  operatorSkips,
  parked,
  request,
  rested,
  storyClock,
  toldMuch,
  wake,
} from './telling.ts'

/** Unpaid invoices, with the subscriptions that they are of. */

/** Its subscription has started the case. The story leads to the end of the case, then the subscription ends as well. */
async function caseStory(
  stage: PlayedStage,
  story: (unpaid: ReturnType<typeof failedRenewal>) => Promise<unknown>,
  unpaid: Unpaid = {},
): Promise<WorkflowHandle> {
  const failed = failedRenewal(stage, unpaid)
  await failed.startSubscription()
  await rested(failed.handle)
  await story(failed)
  await failed.handle.result()
  await rested(failed.subscription)
  await failed.endSubscription()
  return failed.handle
}

export const dunningStories: Record<string, PlayedStory> = {
  'dunning-recovered-on-schedule'(stage) {
    const clock = storyClock(stage.name)
    return caseStory(
      stage,
      async ({ world, handle }) => {
        await clock.pass(2 * DAY, handle) // A notice of the retry.
        await rested(handle)
        await clock.pass(DAY, handle) // The retry, which is declined.
        await rested(handle)
        world.pays = true
        await clock.pass(2 * DAY, handle)
      },
      { clock, policy: { retries: ['P3D', 'P5D'] } },
    )
  },

  'dunning-out-of-grace'(stage) {
    const clock = storyClock(stage.name)
    return caseStory(
      stage,
      async ({ world, handle }) => {
        await clock.pass(2 * DAY, handle)
        await rested(handle)
        world.pays = true
        await clock.pass(7 * DAY, handle)
      },
      { clock, policy: { retries: ['P9D'], grace: 'P2D' } },
    )
  },

  async 'dunning-exhausted'(stage) {
    const clock = storyClock(stage.name)
    const { handle, subscription, startSubscription } = failedRenewal(stage, {
      clock,
      policy: { retries: ['P3D'] },
    })
    await startSubscription()
    await rested(handle)
    await clock.pass(3 * DAY, handle)
    await rested(handle)
    await clock.pass(4 * DAY, handle)
    await handle.result()
    await subscription.result()
    return [
      { name: stage.name, workflowId: handle.workflowId },
      { name: 'subscription-ended-by-its-policy', workflowId: subscription.workflowId },
    ]
  },

  async 'subscription-not-ended-by-its-policy'(stage) {
    const { world, handle, subscription, startSubscription, endSubscription } = failedRenewal(stage)
    await startSubscription()
    await rested(handle)
    world.mayEnd = false
    world.case = { ...world.case, status: 'exhausted' }
    await wake(handle, 'evt_1')
    await parked(subscription)
    await operatorRetries(subscription)
    await parked(subscription)
    await operatorSkips(subscription)
    await rested(subscription)
    await endSubscription()
    return subscription
  },

  async 'subscription-left-past-due'(stage) {
    const { world, handle, subscription, startSubscription, endSubscription } = failedRenewal(stage)
    await startSubscription()
    await rested(handle)
    world.mayEnd = false
    world.case = { ...world.case, status: 'exhausted' }
    await wake(handle, 'evt_1')
    await parked(subscription)
    await operatorSkips(subscription)
    await rested(subscription)
    await endSubscription()
    return subscription
  },

  'dunning-paid-while-it-waits': (stage) =>
    caseStory(stage, async ({ world, handle }) => {
      world.recover()
      await wake(handle, 'evt_1')
    }),

  'dunning-paid-by-a-new-card': (stage) =>
    caseStory(stage, async ({ world, handle }) => {
      world.case = { ...world.case, newCard: 'pm_new' }
      world.pays = true
      await wake(handle, 'evt_1')
    }),

  'dunning-led-by-operators': (stage) =>
    caseStory(
      stage,
      async ({ world, handle }) => {
        await operatorSkips(handle) // The end of the grace, which comes first.
        await rested(handle)
        await operatorSkips(handle) // A notice.
        await rested(handle)
        await operatorSkips(handle) // The retry that was announced.
        await rested(handle)
        await operatorRetries(handle) // Declined.
        await rested(handle)
        world.pays = true
        await operatorRetries(handle)
      },
      { policy: { grace: 'PT1H' } },
    ),

  'dunning-parked-and-retried': (stage) =>
    caseStory(stage, async ({ world, handle }) => {
      world.refusal = new BillingError('provider_refused')
      await operatorRetries(handle)
      await parked(handle)
      world.refusal = undefined
      world.pays = true
      await operatorRetries(handle)
    }),

  'dunning-parked-and-skipped': (stage) =>
    caseStory(stage, async ({ world, handle }) => {
      world.refusal = new BillingError('provider_refused')
      await operatorRetries(handle)
      await parked(handle)
      world.refusal = undefined
      world.recover()
      await operatorSkips(handle)
    }),

  'dunning-parked-until-there-is-news': (stage) =>
    caseStory(stage, async ({ world, handle }) => {
      world.refusal = new BillingError('provider_object_missing')
      await wake(handle, 'evt_1')
      await parked(handle)
      world.refusal = undefined
      world.recover()
      await wake(handle, 'evt_2')
    }),

  'dunning-asked-to-be-canceled': (stage) =>
    caseStory(stage, async ({ world, handle }) => {
      await handle.cancel() // Which it does not hear.
      await rested(handle)
      world.recover()
      await wake(handle, 'evt_1')
    }),

  async 'dunning-canceled-with-its-subscription'(stage) {
    const { handle, subscription, startSubscription } = failedRenewal(stage)
    await startSubscription()
    await rested(handle)
    await rested(subscription)
    await subscription.executeUpdate(cancel, { args: [{ at: 'now', ...request }] })
    await handle.result()
    await subscription.result()
    return [
      { name: stage.name, workflowId: handle.workflowId },
      { name: 'subscription-canceled-while-it-owes', workflowId: subscription.workflowId },
    ]
  },

  async 'subscription-payment-retried'(stage) {
    const { handle, subscription, startSubscription, endSubscription } = failedRenewal(stage)
    await startSubscription()
    await rested(handle)
    await rested(subscription)
    await subscription.executeUpdate(retryPayment, { args: [request] })
    await handle.result()
    await hasStatus(subscription, 'active')
    await endSubscription()
    return subscription
  },

  async 'dunning-that-starts-its-subscription-again'(stage) {
    const { world, handle, subscription, startCase, endSubscription } = failedRenewal(stage)
    await startCase()
    await rested(handle)
    world.recover()
    await wake(handle, 'evt_1')
    await handle.result()
    await rested(subscription)
    await endSubscription()
    return handle
  },

  async 'dunning-asked-about-after-its-end'(stage) {
    const { world, handle, startCase, startSubscription, endSubscription, subscription } =
      failedRenewal(stage)
    world.recover()
    await startSubscription()
    await rested(subscription)
    await startCase()
    await handle.result()
    await rested(subscription)
    await endSubscription()
    return handle
  },

  async 'subscription-that-adopts-its-case'(stage) {
    const { world, handle, subscription, startCase, startSubscription, endSubscription } =
      failedRenewal(stage)
    await startCase()
    await rested(handle)
    await startSubscription()
    await rested(subscription)
    world.recover()
    await wake(handle, 'evt_1')
    await handle.result()
    await hasStatus(subscription, 'active')
    await endSubscription()
    return subscription
  },

  async 'dunning-carried-on'(stage) {
    const { startCase, handle } = failedRenewal(stage)
    await startCase()
    await rested(handle)
    return toldMuch(stage.name, handle)
  },
}
