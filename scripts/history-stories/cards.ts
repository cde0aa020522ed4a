import { WithStartWorkflowOperation } from '@temporalio/client'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { paymentMethodStart } from '../../inbox/starts.ts'
import { changePaymentMethod, openSetupPage, stripeChanged } from '../../workflows/messages.ts'
import type { PlayedStage, PlayedStory } from '../history-stage.ts'
import { DAY, OPENED_AT } from '../history-world.ts'
import { operatorRetries, operatorSkips, parked, rested, toldMuch } from './telling.ts'

/** Saved cards. */

const asked = { by: 'key_recorded', correlationId: 'recorded' }
const page = { openedAt: OPENED_AT, expiresAt: OPENED_AT + DAY }

/** A customer, whose pages open. */
function customer(stage: PlayedStage) {
  const { name, client, projectId } = stage
  const world = { isOpen: true, refusal: undefined as BillingError | undefined }
  const answer = <Answer>(tell: () => Answer): Answer => {
    if (world.refusal) throw world.refusal
    return tell()
  }
  stage.play({
    openSetupPage: async () => ({ sessionId: 'cs_1', setupUrl: 'https://example.com/setup', ...page }),
    followSetupPage: async () => answer(() => ({ isOpen: world.isOpen, ...page })),
    changePaymentMethod: async () => answer(() => ({ paymentMethodId: 'pm_1' })),
    recordOperatorAction: async () => true,
  })
  const start = paymentMethodStart({ projectId, customerId: deriveId('cst', 'recorded', name) })
  return {
    world,
    handle: client.workflow.getHandle(start.workflowId),
    change: () =>
      client.workflow.executeUpdateWithStart(changePaymentMethod, {
        args: [{ change: { kind: 'remove', paymentMethodId: 'pm_1' }, ...asked }],
        updateId: 'change',
        startWorkflowOperation: new WithStartWorkflowOperation('paymentMethod', start),
      }),
    open: async (): Promise<void> => {
      const operation = new WithStartWorkflowOperation('paymentMethod', start)
      await client.workflow.executeUpdateWithStart(openSetupPage, {
        args: [{ successUrl: 'https://example.com/done', cancelUrl: 'https://example.com/cancel', ...asked }],
        updateId: 'open',
        startWorkflowOperation: operation,
      })
      await rested(await operation.workflowHandle())
    },
    saved: (eventId: string) =>
      client.workflow.getHandle(start.workflowId).signal(stripeChanged, { eventId, objectId: 'cs_1' }),
  }
}

export const cardStories: Record<string, PlayedStory> = {
  async 'payment-method-saved'(stage) {
    const { world, handle, open, saved } = customer(stage)
    await open()
    await saved('evt_1') // The page is still open.
    await rested(handle)
    world.isOpen = false
    await saved('evt_2')
    await handle.result()
    return handle
  },

  async 'payment-method-removed'(stage) {
    const { handle, change } = customer(stage)
    await change()
    await handle.result()
    return handle
  },

  async 'payment-method-refused'(stage) {
    const { world, handle, change } = customer(stage)
    world.refusal = new BillingError('provider_refused')
    await Promise.allSettled([change()])
    await handle.result()
    return handle
  },

  async 'payment-method-parked-and-retried'(stage) {
    const { world, handle, open, saved } = customer(stage)
    await open()
    world.refusal = new BillingError('provider_object_missing')
    await saved('evt_1')
    await parked(handle)
    world.refusal = undefined
    world.isOpen = false
    await operatorRetries(handle)
    await handle.result()
    return handle
  },

  async 'payment-method-parked-and-skipped'(stage) {
    const { world, handle, open, saved } = customer(stage)
    await open()
    world.refusal = new BillingError('provider_object_missing')
    await saved('evt_1')
    await parked(handle)
    await operatorSkips(handle)
    await handle.result()
    return handle
  },

  async 'payment-method-carried-on'(stage) {
    const { handle, open, saved } = customer(stage)
    await open()
    return toldMuch(stage.name, handle, (number) => saved(`evt_${number}`))
  },
}
