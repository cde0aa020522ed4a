import type { WorkflowHandle } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import { cancel, state, stripeChanged } from '../../workflows/messages.ts'
import { soon, useTimeSkipping } from './environment.ts'
import { newCase } from './played-case.ts'

// A server of its own: after a signal to a workflow that has ended, or the start of one that runs, it skips no more time.
const stage = useTimeSkipping()
const DAY = 24 * 60 * 60_000

const wake = (handle: WorkflowHandle, eventId: string) =>
  handle.signal(stripeChanged, { eventId, objectId: 'in_1' })

describe('a case whose subscription ends first', () => {
  it('is told by it, and tries nothing more', async () => {
    const { world, play } = await newCase(stage)
    await play(async ({ subscription, handle }) => {
      await stage.environment.sleep(3.5 * DAY)
      await soon(() => world.case.retriesDone).toBe(1)
      await subscription.executeUpdate(cancel, { args: [{ at: 'now', by: 'ana' }] })
      expect(await subscription.result()).toBe('canceled')
      expect(await handle.result()).toBe('canceled')
    })
    expect(world.story.at(-1)).toBe('day 3.5: cancel')
  })

  it('has the subscription looked after once more when nobody is there to be told', async () => {
    const { world, play } = await newCase(stage)
    await play(async ({ subscription, handle }) => {
      await subscription.terminate()
      world.recover()
      await wake(handle, 'evt_paid')
      expect(await handle.result()).toBe('recovered')
      const again = stage.client.workflow.getHandle(subscription.workflowId)
      await soon(() => again.query(state)).toMatchObject({ status: 'active' })
    })
  })

  it('is adopted by the subscription when that is run again, and stays one', async () => {
    const { world, play, start } = await newCase(stage)
    await play(async ({ subscription, handle }) => {
      const { runId } = await handle.describe()
      await subscription.terminate()
      const second = await start()
      await soon(() => second.query(state)).toMatchObject({ status: 'past_due' })
      expect((await handle.describe()).runId).toBe(runId)
      world.recover()
      await wake(handle, 'evt_paid')
      expect(await handle.result()).toBe('recovered')
      await soon(() => second.query(state)).toMatchObject({ status: 'active' })
    })
    expect(world.looks).toBe(2)
  })
})
