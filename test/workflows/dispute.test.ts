import { describe, expect, it } from 'vitest'
import type { DisputeView } from '../../activities/follow-dispute.ts'
import { deriveId } from '../../db/mint-id.ts'
import { disputeStart } from '../../inbox/starts.ts'
import { state, stripeChanged } from '../../workflows/messages.ts'
import { searchAttributes } from '../../workflows/search-attributes.ts'
import { detailsOf, soon, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()
const DAY = 86_400_000
let counter = 0

/** A dispute of its own for each test, whose evidence is due in a week. */
async function newDispute() {
  counter += 1
  const openedAt = await stage.environment.currentTimeMs()
  const view: DisputeView = {
    status: 'needs_response',
    amount: 4_900,
    currency: 'brl',
    reason: 'fraudulent',
    evidenceDueAt: openedAt + 7 * DAY,
  }
  /** In days since it was opened. */
  const reminders: number[] = []
  return {
    view,
    reminders,
    activities: {
      followDispute: async () => ({ ...view }),
      remindOfDispute: async () => {
        reminders.push(((await stage.environment.currentTimeMs()) - openedAt) / DAY)
      },
    },
    start: disputeStart({
      projectId: deriveId('prj', 'workflow test'),
      disputeId: deriveId('dsp', 'workflow test', String(counter)),
      stripeDisputeId: 'du_1',
      ownerId: deriveId('pay', 'workflow test'),
      userId: 'user-1',
      correlationId: 'test',
      clockId: null,
    }),
  }
}

describe('dispute', () => {
  it('reminds of the evidence three days, a day and six hours before it is due', async () => {
    const { start, activities, reminders, view } = await newDispute()
    await stage.play(activities, async (client) => {
      const handle = await client.workflow.start('dispute', start)
      await stage.environment.sleep(7.5 * DAY)
      await soon(() => reminders.map((day) => Math.round(day * 100) / 100)).toEqual([4, 6, 6.75])
      view.status = 'lost'
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'du_1' })
      expect(await handle.result()).toBe('lost')
    })
  })

  it('stands under what needs a person until evidence is handed in', async () => {
    const { start, activities, reminders, view } = await newDispute()
    await stage.play(activities, async (client) => {
      const handle = await client.workflow.start('dispute', start)
      const attention = async () =>
        (await handle.describe()).typedSearchAttributes.get(searchAttributes.attention)
      await soon(attention).toBe('evidence_due')
      expect(await detailsOf(handle)).toContain(
        "wants back BRL 49.00 (fraudulent). Hand in evidence in Stripe's",
      )
      view.status = 'under_review'
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'du_1' })
      await soon(() => handle.query(state)).toMatchObject({
        status: 'under_review',
        waitingFor: 'the bank to decide',
      })
      await soon(attention).toBeUndefined()
      await stage.environment.sleep(8 * DAY)
      expect(reminders).toEqual([])
      view.status = 'won'
      await handle.signal(stripeChanged, { eventId: 'evt_2', objectId: 'du_1' })
      expect(await handle.result()).toBe('won')
    })
  })

  it('finds the decision by itself when no event tells of it', async () => {
    const { start, activities, view } = await newDispute()
    view.status = 'under_review'
    await stage.play(activities, async (client) => {
      const handle = await client.workflow.start('dispute', start)
      await soon(() => handle.query(state)).toMatchObject({ status: 'under_review' })
      view.status = 'warning_closed'
      expect(await handle.result()).toBe('warning_closed')
    })
  })
})
