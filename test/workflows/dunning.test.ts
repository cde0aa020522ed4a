import type { WorkflowHandle } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import { BillingError } from '../../domain/errors.ts'
import { retry, skip, state, stripeChanged } from '../../workflows/messages.ts'
import { detailsOf, soon, useTimeSkipping } from './environment.ts'
import { newCase } from './played-case.ts'

const stage = useTimeSkipping()
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const waitsFor = async (handle: WorkflowHandle) => {
  const { waitingFor, until } = await handle.query(state)
  return { waitingFor, until }
}
const act = { by: 'ana', reason: 'The customer called.' }
const wake = (handle: WorkflowHandle, eventId: string) =>
  handle.signal(stripeChanged, { eventId, objectId: 'in_1' })
const sleep = (days: number) => stage.environment.sleep(days * DAY)
const scheduled = (story: string[]) => story.filter((line) => line.includes('schedule/'))

describe('a case that nobody pays', () => {
  it('is retried on days 3, 5 and 7, each told of a day before, never a fourth time, and ends the subscription', async () => {
    const { world, play, outcomeAfter } = await newCase(stage)
    await play(async ({ subscription }) => {
      expect(await outcomeAfter(30)).toBe('exhausted')
      expect(await subscription.result()).toBe('canceled')
    })
    expect(world.story).toEqual([
      'day 2: notice 1',
      'day 3: schedule/1 declined',
      'day 4: notice 2',
      'day 5: schedule/2 declined',
      'day 6: notice 3',
      'day 7: schedule/3 declined',
      'day 7: exhaust',
      'day 7: cancel',
    ])
    expect(world.charges).toBe(0)
  })

  it('takes no more than 75 events of history, from the first notice to the end after three retries', async () => {
    const { play, outcomeAfter } = await newCase(stage)
    await play(async ({ handle }) => {
      expect(await outcomeAfter(30)).toBe('exhausted')
      expect((await handle.fetchHistory()).events?.length).toBeLessThanOrEqual(75)
    })
  })

  it('keeps access until the end of the seventh day, to the minute', async () => {
    const { world, play } = await newCase(stage)
    await play(async ({ subscription }) => {
      for (const day of [3, 5, 7]) {
        const now = await stage.environment.currentTimeMs()
        await stage.environment.sleep(world.failedAt + day * DAY - MINUTE - now)
        expect({ day, hasAccess: world.hasAccess() }).toEqual({ day, hasAccess: true })
        expect(scheduled(world.story)).toHaveLength((day - 3) / 2)
        await stage.environment.sleep(2 * MINUTE)
        await soon(() => scheduled(world.story).length).toBe((day - 1) / 2)
      }
      expect(await subscription.result()).toBe('canceled')
      expect(world.hasAccess()).toBe(false)
      expect(await stage.environment.currentTimeMs()).toBeLessThan(world.failedAt + 7 * DAY + 2 * MINUTE)
    })
  })

  it('loses access with a shorter grace, and retries go on', async () => {
    const { world, play, outcomeAfter } = await newCase(stage, { policy: { grace: 'P4D' } })
    await play(async () => {
      expect(await outcomeAfter(8)).toBe('exhausted')
    })
    expect(world.story.slice(2, 5)).toEqual([
      'day 4: notice 2',
      'day 4: end_grace',
      'day 5: schedule/2 declined',
    ])
    expect(world.story.slice(-2)).toEqual(['day 7: exhaust', 'day 7: cancel'])
  })

  it('keeps access with a longer grace, and ends with it', async () => {
    const { world, play, outcomeAfter } = await newCase(stage, { policy: { grace: 'P14D' } })
    await play(async () => {
      expect(await outcomeAfter(15)).toBe('exhausted')
    })
    expect(world.story.slice(-3)).toEqual(['day 7: schedule/3 declined', 'day 14: exhaust', 'day 14: cancel'])
  })

  it.each([
    ['pause', 'paused', 'day 7: pause'],
    ['leave_past_due', 'past_due', 'day 7: exhaust'],
  ] as const)('is followed by what its policy says: %s', async (onExhausted, status, last) => {
    const { world, play, outcomeAfter } = await newCase(stage, { policy: { onExhausted } })
    await play(async ({ subscription }) => {
      expect(await outcomeAfter(8)).toBe('exhausted')
      await soon(() => subscription.query(state)).toMatchObject({ status })
    })
    expect(world.story.at(-1)).toBe(last)
    expect(world.hasAccess()).toBe(false)
  })
})

describe('a case that is paid', () => {
  it.each([1, 2, 3])('by retry %i ends there, and nothing more is tried', async (number) => {
    const { world, play, outcomeAfter } = await newCase(stage)
    world.pays = (intent) => intent === `schedule/${number}`
    await play(async ({ subscription }) => {
      expect(await outcomeAfter(8)).toBe('recovered')
      await soon(() => subscription.query(state)).toMatchObject({ status: 'active' })
    })
    expect(world.story.at(-1)).toBe(`day ${2 * number + 1}: schedule/${number} succeeded`)
    expect(scheduled(world.story)).toHaveLength(number)
    expect(world.charges).toBe(1)
  })

  it.each([
    [0.5, 0],
    [2.5, 0],
    [4.5, 1],
    [6.5, 2],
  ])(
    'by a new card on day %f is charged at once, after %i retries and using up none',
    async (day, retries) => {
      const { world, play, outcomeAfter } = await newCase(stage)
      world.pays = (intent) => intent === 'new_card/pm_2'
      await play(async ({ handle }) => {
        await sleep(day)
        world.newCard = 'pm_2'
        await wake(handle, 'evt_card')
        expect(await outcomeAfter(0.1)).toBe('recovered')
      })
      expect(world.story.at(-1)).toBe(`day ${day}: new_card/pm_2 succeeded`)
      expect(world.case.retriesDone).toBe(retries)
    },
  )

  it('by a new card only in vain goes on by its schedule', async () => {
    const { world, play, outcomeAfter } = await newCase(stage)
    await play(async ({ handle }) => {
      await sleep(1)
      world.newCard = 'pm_2'
      await wake(handle, 'evt_card')
      expect(await outcomeAfter(8)).toBe('exhausted')
    })
    expect(world.story.slice(0, 3)).toEqual([
      'day 1: new_card/pm_2 declined',
      'day 2: notice 1',
      'day 3: schedule/1 declined',
    ])
    expect(scheduled(world.story)).toHaveLength(3)
  })

  it.each([0.5, 3.5, 5.5])('by hand on day %f ends when it is told', async (day) => {
    const { world, play, outcomeAfter } = await newCase(stage)
    await play(async ({ handle }) => {
      await sleep(day)
      world.recover()
      await wake(handle, 'evt_paid')
      expect(await outcomeAfter(0.1)).toBe('recovered')
    })
    expect(world.charges).toBe(0)
    expect(scheduled(world.story)).toHaveLength([0.5, 3.5, 5.5].indexOf(day))
  })

  it('by hand ends with its next step although every webhook is lost, and nothing is charged', async () => {
    const { world, play, outcomeAfter } = await newCase(stage)
    await play(async () => {
      await sleep(2.5)
      world.recover()
      expect(await outcomeAfter(1)).toBe('recovered')
    })
    expect(world.story).toEqual(['day 2: notice 1'])
  })
})

// This server passes no time while a workflow waits for a worker. So the worker is there, and learns that more days have gone
// by since the failure than it has seen: what it finds is the same.
describe('a worker that was away', () => {
  it('for ten days tries once for everything that fell due, and the case goes its way', async () => {
    const { world, play, outcomeAfter } = await newCase(stage)
    await play(async ({ handle }) => {
      await sleep(2.5)
      await soon(() => world.story).toEqual(['day 2: notice 1'])
      world.miss(10 * DAY)
      await wake(handle, 'evt_late')
      expect(await outcomeAfter(0.1)).toBe('exhausted')
    })
    expect(world.story.slice(1, 3)).toEqual(['day 12.5: schedule/3 declined', 'day 12.5: exhaust'])
    expect(scheduled(world.story)).toHaveLength(1)
  })

  it('for three days tries once, and keeps the days that are still to come', async () => {
    const { world, play, outcomeAfter } = await newCase(stage)
    await play(async ({ handle }) => {
      await sleep(2.5)
      await soon(() => world.story).toEqual(['day 2: notice 1'])
      world.miss(3 * DAY)
      await wake(handle, 'evt_late')
      expect(await outcomeAfter(8)).toBe('exhausted')
    })
    expect(world.story.slice(1, 5)).toEqual([
      'day 5.5: schedule/2 declined',
      'day 6: notice 3',
      'day 7: schedule/3 declined',
      'day 7: exhaust',
    ])
  })

  it('since the failure tries once as well', async () => {
    const { world, play, outcomeAfter } = await newCase(stage, { failedDaysAgo: 20 })
    world.pays = (intent) => intent === 'schedule/3'
    await play(async () => {
      expect(await outcomeAfter(0.1)).toBe('recovered')
    })
    expect(world.story).toEqual(['day 20: schedule/3 succeeded'])
  })
})

describe('an operator', () => {
  it('retries now without using up a retry, with the reason', async () => {
    const { world, play, day, outcomeAfter } = await newCase(stage)
    await play(async ({ handle }) => {
      await sleep(1)
      await handle.executeUpdate(retry, { args: [act] })
      await soon(() => world.story).toEqual(['day 1: operator declined'])
      await soon(() => waitsFor(handle)).toEqual({
        waitingFor: 'the notice before retry 1 of 3',
        until: day(2),
      })
      world.pays = () => true
      await handle.executeUpdate(retry, { args: [act] })
      expect(await outcomeAfter(0.1)).toBe('recovered')
    })
    expect(world.causes).toEqual(
      Array.from({ length: 2 }, () => ({ by: 'ana', why: 'The customer called.' })),
    )
    expect(world.case.retriesDone).toBe(0)
  })

  it('skips the step that is next: a notice, then the retry it was for', async () => {
    const { world, play, day, outcomeAfter } = await newCase(stage)
    await play(async ({ handle }) => {
      await sleep(1)
      await handle.executeUpdate(skip, { args: [act] })
      await soon(() => waitsFor(handle)).toEqual({ waitingFor: 'retry 1 of 3', until: day(3) })
      await handle.executeUpdate(skip, { args: [act] })
      await soon(() => waitsFor(handle)).toEqual({
        waitingFor: 'the notice before retry 2 of 3',
        until: day(4),
      })
      expect(await outcomeAfter(8)).toBe('exhausted')
    })
    expect(world.story.slice(0, 5)).toEqual([
      'day 1: skip_notice 1',
      'day 1: skip_retry 1',
      'day 4: notice 2',
      'day 5: schedule/2 declined',
      'day 6: notice 3',
    ])
    expect(scheduled(world.story)).toHaveLength(2)
  })

  it.each([{ reason: '', by: 'ana' }, { reason: 'x' }, undefined])(
    'is refused without who and why: %j',
    async (request) => {
      const { world, play } = await newCase(stage)
      await play(async ({ handle }) => {
        await expect(handle.executeUpdate('retry', { args: [request] })).rejects.toMatchObject({
          cause: { type: 'invalid_request' },
        })
      })
      expect(world.story).toEqual([])
    },
  )

  it('is asked when Stripe does not let the invoice be charged, and may go on without that retry', async () => {
    const { world, played, play, outcomeAfter } = await newCase(stage)
    let refuses = true
    const { attemptPayment } = played
    played.attemptPayment = async (input) => {
      // The retry is used up before Stripe is asked.
      world.case = {
        ...world.case,
        retriesDone: Math.max(world.case.retriesDone, input.retriesDone ?? 0),
      }
      if (refuses) throw new BillingError('provider_object_missing')
      return attemptPayment(input)
    }
    await play(async ({ handle }) => {
      await sleep(3.01)
      await soon(() => handle.query(state)).toMatchObject({ attention: 'provider_object_missing' })
      refuses = false
      await handle.executeUpdate(skip, { args: [act] })
      expect(await outcomeAfter(8)).toBe('exhausted')
    })
    expect(world.story.slice(0, 4)).toEqual([
      'day 2: notice 1',
      'day 3: ana chose skip',
      'day 4: notice 2',
      'day 5: schedule/2 declined',
    ])
    expect(scheduled(world.story)).toHaveLength(2)
  })
})

describe('a case that is run again', () => {
  it('after its end finds it closed, and does nothing', async () => {
    const { world, play, outcomeAfter, startCase } = await newCase(stage)
    world.pays = (intent) => intent === 'schedule/2'
    await play(async () => {
      expect(await outcomeAfter(6)).toBe('recovered')
      const story = [...world.story]
      expect(await (await startCase()).result()).toBe('recovered')
      expect(world.story).toEqual(story)
    })
    expect(world.charges).toBe(1)
  })

  it('in the middle goes on where its row stands', async () => {
    const { world, play, outcomeAfter, startCase } = await newCase(stage)
    await play(async ({ handle }) => {
      await sleep(5.5)
      await soon(() => world.case.retriesDone).toBe(2)
      await handle.terminate()
      await startCase()
      expect(await outcomeAfter(8)).toBe('exhausted')
    })
    expect(world.story.slice(-4)).toEqual([
      'day 6: notice 3',
      'day 7: schedule/3 declined',
      'day 7: exhaust',
      'day 7: cancel',
    ])
  })
})

describe('a case survives', () => {
  it.each(['lookAtCase', 'attemptPayment', 'recordDunningStep'] as const)(
    'failures of %s, however many, and tries nothing twice',
    async (step) => {
      const { world, played, play, outcomeAfter } = await newCase(stage)
      let failures = 7
      const code = step === 'recordDunningStep' ? 'database_unavailable' : 'provider_unavailable'
      const work = played[step] as (input: unknown) => Promise<unknown>
      const failing = async (input: unknown) => {
        failures -= 1
        if (failures >= 0) throw new BillingError(code, { retryAfterSeconds: 0.1 })
        return work(input)
      }
      Object.assign(played, { [step]: failing })
      await play(async () => {
        expect(await outcomeAfter(8)).toBe('exhausted')
      })
      expect(scheduled(world.story)).toHaveLength(3)
      expect(failures).toBeLessThan(0)
    },
  )
})

describe('a request to cancel the workflow of a case', () => {
  it('ends nothing: the retries go on, and it tells what to do instead', async () => {
    const { world, play, outcomeAfter } = await newCase(stage)
    await play(async ({ handle }) => {
      await sleep(2.5)
      await handle.cancel()
      await soon(() => detailsOf(handle)).toMatch(/ignored.*the update `cancel`[\s\S]*Retry 1 of 3 on/)
      await handle.executeUpdate(retry, { args: [act] })
      expect(await outcomeAfter(8)).toBe('exhausted')
    })
    expect(scheduled(world.story)).toHaveLength(3)
    expect(world.story).toContain('day 2.5: operator declined')
  })
})

describe('what an operator reads of a case', () => {
  it('is what its timer will do, what each update means, and from its subscription the way to it', async () => {
    const { play, day } = await newCase(stage)
    await play(async ({ handle, subscription }) => {
      const due = `${day(3).slice(0, 16).replace('T', ' ')} UTC`
      await soon(() => summariesOf(handle)).toContain(`Tell the customer of retry 1 of 3, due ${due}`)
      await handle.executeUpdate(skip, { args: [act] })
      await soon(() => summariesOf(handle)).toContain('Charge again: retry 1 of 3')
      expect(await summariesOf(handle)).toContain('Write this step of the case')
      const { definition } = await handle.query<{
        definition: { updateDefinitions: { name: string; description: string }[] }
      }>('__temporal_workflow_metadata')
      const described = definition.updateDefinitions.find(({ name }) => name === 'retry')?.description
      expect(described).toMatch(/^Charges the invoice now.* Send \{ "reason": "why", "by": "your name" \}$/)
      await soon(() => detailsOf(subscription)).toMatch(`Worked on by ${handle.workflowId}.`)
    })
  })
})

/** The lines of its timers and records in Temporal UI. */
async function summariesOf(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory()
  return (events ?? []).flatMap(({ userMetadata }) => {
    const { data } = userMetadata?.summary ?? {}
    return data ? [JSON.parse(Buffer.from(data).toString()) as string] : []
  })
}
