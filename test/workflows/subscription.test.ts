import type { WorkflowHandle } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import type { Followed } from '../../activities/record-look.ts'
import { subscriptionStart } from '../../inbox/starts.ts'
import { cancel, pause, retry, skip, state, stripeChanged } from '../../workflows/messages.ts'
import { searchAttributes } from '../../workflows/search-attributes.ts'
import { knownAs } from '../support/snapshots.ts'
import { detailsOf, following, type PlayedActivities, soon, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()
const HOUR = 3_600_000
const DAY = 24 * HOUR
const MONTH = 30 * DAY

let counter = 0
/** A subscription of its own for each test, in a world where looks show what the test last set. */
async function newSubscription() {
  counter += 1
  const subscriptionId = deriveId('sbs', 'subscription test', String(counter))
  const bornAt = await stage.environment.currentTimeMs()
  const active = knownAs({ currentPeriodStart: bornAt, currentPeriodEnd: bornAt + MONTH })
  const world = {
    looks: 0,
    seen: following(active),
    /** What has come of it while nobody was told. */
    show(known: Partial<typeof active>, seen: Partial<Followed> = {}) {
      world.seen = following({ ...(world.seen.known ?? active), ...known }, seen)
    },
  }
  const played: PlayedActivities = {
    followSubscription: async () => {
      world.looks += 1
      return world.seen
    },
    recordOperatorAction: async () => true,
  }
  const start = subscriptionStart({
    projectId: deriveId('prj', 'subscription test'),
    subscriptionId,
    paymentId: deriveId('pay', 'subscription test', String(counter)),
    stripeSubscriptionId: `sub_${counter}`,
    userId: `user-${counter}`,
    correlationId: 'test',
    planId: 'pro',
    status: 'incomplete',
    clockId: null,
  })
  const { client } = stage.environment
  const begin = () => client.workflow.start('subscription', start)
  return { world, played, start, begin, bornAt, periodEnd: bornAt + MONTH }
}

const wake = (handle: WorkflowHandle, eventId: string) =>
  handle.signal(stripeChanged, { eventId, objectId: 'sub_1' })
const waitsUntil = async (handle: WorkflowHandle) => (await handle.query(state)).until
const describeTime = (at: number) => new Date(at).toISOString()

describe('subscription', () => {
  it('looks once when it begins, whatever woke it meanwhile, and waits for the renewal', async () => {
    const { world, played, start, periodEnd } = await newSubscription()
    await stage.play(played, async (client) => {
      const handle = await client.workflow.signalWithStart('subscription', {
        ...start,
        signal: stripeChanged,
        signalArgs: [{ eventId: 'evt_1', objectId: 'sub_1' }],
      })
      await soon(() => waitsUntil(handle)).toBe(describeTime(periodEnd + 2 * HOUR))
      expect(await handle.query(state)).toMatchObject({ status: 'active' })
      expect(world.looks).toBe(1)
      await handle.terminate()
    })
  })

  it('is woken by an event, and ends when Stripe has ended it', async () => {
    const { world, played, begin } = await newSubscription()
    await stage.play(played, async () => {
      const handle = await begin()
      await soon(() => world.looks).toBe(1)
      world.show({ status: 'canceled' })
      await wake(handle, 'evt_1')
      expect(await handle.result()).toBe('canceled')
    })
    expect(world.looks).toBe(2)
  })

  it('finds out by itself when every webhook is lost', async () => {
    const { world, played, begin, periodEnd } = await newSubscription()
    await stage.play(played, async () => {
      const handle = await begin()
      await soon(() => world.looks).toBe(1)
      world.show({ status: 'canceled' })
      expect(await handle.result()).toBe('canceled')
    })
    expect(world.looks).toBe(2)
    expect(await stage.environment.currentTimeMs()).toBeGreaterThanOrEqual(periodEnd + 2 * HOUR)
  })

  it('looks daily while an invoice waits, so that a lost webhook hides its payment no longer', async () => {
    const { world, played, begin, periodEnd } = await newSubscription()
    await stage.play(played, async () => {
      const handle = await begin()
      await soon(() => world.looks).toBe(1)
      // Stripe has opened the next period and not charged yet.
      world.show({ currentPeriodEnd: periodEnd + MONTH }, { owes: true })
      await wake(handle, 'evt_1')
      await soon(() => world.looks).toBe(2)
      const now = await stage.environment.currentTimeMs()
      expect(Date.parse((await waitsUntil(handle)) ?? '') - now).toBeLessThanOrEqual(DAY)
      world.show({})
      await stage.environment.sleep(DAY + HOUR)
      await soon(() => waitsUntil(handle)).toBe(describeTime(periodEnd + MONTH + 2 * HOUR))
      await handle.terminate()
    })
    expect(world.looks).toBe(3)
  })

  it('gives each paid period a run of its own, which remembers the events of the one before and need not look', async () => {
    const { world, played, begin, periodEnd } = await newSubscription()
    await stage.play(played, async (client) => {
      const first = await begin()
      await soon(() => world.looks).toBe(1)
      world.show({ currentPeriodStart: periodEnd, currentPeriodEnd: periodEnd + MONTH })
      await wake(first, 'evt_renewal')
      const firstRun = client.workflow.getHandle(first.workflowId, first.firstExecutionRunId)
      await soon(async () => (await firstRun.describe()).status.name).toBe('CONTINUED_AS_NEW')

      const second = client.workflow.getHandle(first.workflowId)
      await soon(() => waitsUntil(second)).toBe(describeTime(periodEnd + MONTH + 2 * HOUR))
      await wake(second, 'evt_renewal')
      expect(await second.query(state)).toMatchObject({ status: 'active' })
      expect(world.looks).toBe(2)
      world.show({ status: 'canceled' })
      await wake(second, 'evt_end')
      expect(await second.result()).toBe('canceled')
    })
    expect(world.looks).toBe(3)
  })

  it('looks once for an event that is delivered twice', async () => {
    const { world, played, begin } = await newSubscription()
    await stage.play(played, async () => {
      const handle = await begin()
      await soon(() => world.looks).toBe(1)
      await wake(handle, 'evt_1')
      await soon(() => world.looks).toBe(2)
      await wake(handle, 'evt_1')
      expect(await handle.query(state)).toMatchObject({ status: 'active' })
      expect(world.looks).toBe(2)
      await handle.terminate()
    })
  })

  it('has its look read the invoices that hints name, also when the look fails at first', async () => {
    const { world, played, begin } = await newSubscription()
    const read: (string[] | undefined)[] = []
    const reading: PlayedActivities = {
      ...played,
      followSubscription: async (input) => {
        read.push(input.hintedInvoices)
        world.looks += 1
        if (world.looks === 2) throw new BillingError('provider_object_missing')
        return world.seen
      },
    }
    await stage.play(reading, async () => {
      const handle = await begin()
      await soon(() => world.looks).toBe(1)
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'in_2' })
      await soon(() => handle.query(state)).toMatchObject({ attention: 'provider_object_missing' })
      await handle.signal(stripeChanged, { eventId: 'evt_2', objectId: 'in_3' })
      await soon(() => world.looks).toBe(3)
      await wake(handle, 'evt_3')
      await soon(() => world.looks).toBe(4)
      await handle.terminate()
    })
    expect(read).toEqual([undefined, ['in_2'], ['in_2', 'in_3'], undefined])
  })

  it('ends when Stripe has given up on its first payment', async () => {
    const { world, played, begin } = await newSubscription()
    const { known: _sold, ...unstarted } = following(knownAs())
    world.seen = unstarted
    await stage.play(played, async () => {
      const handle = await begin()
      await soon(() => handle.query(state)).toMatchObject({
        status: 'incomplete',
        waitingFor: 'Stripe to start the subscription',
      })
      world.seen = { ...unstarted, neverStarted: true }
      expect(await handle.result()).toBe('incomplete')
    })
    expect(world.looks).toBe(2)
  })

  it.each(['provider_unavailable', 'database_unavailable'] as const)(
    'survives looks that end in %s, however many, and goes on once they are over',
    async (code) => {
      const { world, played, begin } = await newSubscription()
      let failures = 7
      world.show({ status: 'canceled' })
      const flaky: PlayedActivities = {
        ...played,
        followSubscription: async () => {
          failures -= 1
          if (failures >= 0) throw new BillingError(code, { retryAfterSeconds: 0.1 })
          world.looks += 1
          return world.seen
        },
      }
      await stage.play(flaky, async () => {
        expect(await (await begin()).result()).toBe('canceled')
      })
      expect(world.looks).toBe(1)
    },
  )
})

describe('a subscription that Stripe does not let us read', () => {
  async function parked() {
    const subscription = await newSubscription()
    const { world, played } = subscription
    const acts: string[] = []
    const stripe = { refuses: true }
    const refusing: PlayedActivities = {
      ...played,
      followSubscription: async () => {
        world.looks += 1
        if (stripe.refuses) throw new BillingError('provider_object_missing')
        return world.seen
      },
      recordOperatorAction: async ({ action, by, reason, attention }) => {
        acts.push(`${by}: ${action} ${attention}, ${reason}`)
        return true
      },
    }
    const begin = async () => {
      const handle = await subscription.begin()
      await soon(() => handle.query(state)).toMatchObject({ attention: 'provider_object_missing' })
      return handle
    }
    return { ...subscription, played: refusing, acts, stripe, begin }
  }
  const request = { reason: 'restored at Stripe', by: 'ana' }

  it('asks for a person where operators look, and goes on when told to retry', async () => {
    const { world, played, acts, stripe, begin } = await parked()
    await stage.play(played, async () => {
      const handle = await begin()
      expect((await handle.describe()).typedSearchAttributes.getAll()).toContainEqual(
        expect.objectContaining({ value: 'provider_object_missing' }),
      )
      stripe.refuses = false
      world.show({ status: 'canceled' })
      await handle.executeUpdate(retry, { args: [request] })
      expect(await handle.result()).toBe('canceled')
      expect((await handle.describe()).typedSearchAttributes.getAll()).not.toContainEqual(
        expect.objectContaining({ value: 'provider_object_missing' }),
      )
    })
    expect(acts).toEqual(['ana: retry provider_object_missing, restored at Stripe'])
  })

  it('waits for its next look when told to skip', async () => {
    const { world, played, acts, stripe, begin } = await parked()
    await stage.play(played, async () => {
      const handle = await begin()
      await handle.executeUpdate(skip, { args: [request] })
      await soon(() => waitsUntil(handle)).toBeDefined()
      expect(await handle.query(state)).not.toHaveProperty('attention')
      stripe.refuses = false
      world.show({ status: 'canceled' })
      expect(await handle.result()).toBe('canceled')
    })
    expect(acts).toEqual(['ana: skip provider_object_missing, restored at Stripe'])
  })

  it('tries again by itself when news comes, and records no act of a person', async () => {
    const { world, played, acts, stripe, begin } = await parked()
    await stage.play(played, async () => {
      const handle = await begin()
      stripe.refuses = false
      world.show({ status: 'canceled' })
      await wake(handle, 'evt_1')
      expect(await handle.result()).toBe('canceled')
    })
    expect([world.looks, acts]).toEqual([2, []])
  })
})

describe('an exhausted case whose end is refused', () => {
  const request = { reason: 'the customer pays on Friday', by: 'ana' }

  it.each([
    ['as an answer', false],
    ['for good', true],
  ])('%s is left alone once an operator says so, and that is written', async (_how, isFinal) => {
    const { world, played, begin } = await newSubscription()
    const exhausted = { invoiceId: 'in_2', action: 'cancel' } as const
    world.show({ status: 'past_due' }, { exhausted })
    const left: string[] = []
    let ends = 0
    const refusing: PlayedActivities = {
      ...played,
      runCommand: async () => {
        ends += 1
        if (isFinal) throw new BillingError('provider_refused')
        return { followed: world.seen, refusal: { code: 'provider_refused', detail: 'Refused.' } }
      },
      leaveExhausted: async ({ invoiceId }) => {
        left.push(invoiceId)
        world.show({ leftUnpaid: ['in_2'] })
      },
    }
    await stage.play(refusing, async () => {
      const handle = await begin()
      await soon(async () => (await handle.query(state)).attention).toBeDefined()
      // Whoever wants something else meanwhile is told so at once, and nothing is done later.
      const cancelNow = { at: 'now', by: 'key_1' } as const
      const refused = await handle
        .executeUpdate(cancel, { args: [cancelNow] })
        .catch((error: unknown) => error)
      expect(refused).toMatchObject({ cause: { type: 'awaits_operator' } })
      await handle.executeUpdate(skip, { args: [request] })
      await soon(() => left).toEqual(['in_2'])
      await soon(async () => (await handle.query(state)).attention).toBeUndefined()
      const looks = world.looks
      await wake(handle, 'evt_1')
      await soon(() => world.looks).toBe(looks + 1)
      expect([ends, left]).toEqual([1, ['in_2']])
      await handle.terminate()
    })
  })
})

describe('the list of workflows', () => {
  it('shows another plan as soon as it is seen, and costs nothing while it stays the same', async () => {
    const { world, played, begin } = await newSubscription()
    await stage.play(played, async () => {
      const handle = await begin()
      await soon(() => waitsUntil(handle)).toBeDefined()
      const upserts = async () =>
        (await handle.fetchHistory()).events?.filter(
          (event) => event.upsertWorkflowSearchAttributesEventAttributes,
        ).length
      const shown = async () => (await handle.describe()).typedSearchAttributes.get(searchAttributes.plan)
      expect(await shown()).toBe('pro')
      const before = (await upserts()) ?? 0
      await wake(handle, 'evt_1')
      await soon(() => world.looks).toBe(2)
      world.show({ planId: 'team' })
      await wake(handle, 'evt_2')
      await soon(shown).toBe('team')
      expect(await upserts()).toBe(before + 1)
      await handle.terminate()
    })
  })
})

describe('a pause that an operator asks for', () => {
  it.each(['9999-12-31T23:59:59-23:59', '+200000-01-01T00:00:00Z', '2020-01-01T00:00:00Z', 'soon'])(
    'is refused before Stripe is told when it is to last until %s',
    async (until) => {
      const { played, begin } = await newSubscription()
      await stage.play(played, async () => {
        const handle = await begin()
        await soon(() => waitsUntil(handle)).toBeDefined()
        await expect(
          handle.executeUpdate(pause, { args: [{ until, by: 'ana', reason: 'A long journey.' }] }),
        ).rejects.toMatchObject({ cause: { type: 'invalid_request', nonRetryable: true } })
        await handle.terminate()
      })
    },
  )
})

describe('a request to cancel the workflow', () => {
  it('ends nothing: it tells which update does, and commands are answered', async () => {
    const { world, played, begin } = await newSubscription()
    const answering: PlayedActivities = {
      ...played,
      runCommand: async ({ command }) => {
        world.show({ cancelAtPeriodEnd: command.kind === 'cancel' })
        return { followed: world.seen }
      },
    }
    await stage.play(answering, async () => {
      const handle = await begin()
      await soon(() => waitsUntil(handle)).toBeDefined()
      await handle.cancel()
      const ignored = /^\*\*A cancellation was requested at .* and ignored.*the update `cancel`/
      await soon(() => detailsOf(handle)).toMatch(ignored)
      expect(await detailsOf(handle)).toMatch(/Waiting for the renewal/)

      const request = { at: 'period_end', by: 'ana', reason: 'Asked by phone.' } as const
      await expect(handle.executeUpdate(cancel, { args: [request] })).resolves.toMatchObject({
        cancelAtPeriodEnd: true,
      })
      await soon(() => detailsOf(handle)).toMatch(/ignored[\s\S]*Waiting for the end of the last period/)

      world.show({ status: 'canceled' })
      await wake(handle, 'evt_end')
      expect(await handle.result()).toBe('canceled')
    })
  })
})

// Last: once a child has outlived its parent, the time of this server stands still.
describe('what was paid before it could be made void', () => {
  it('is given back by a workflow of its own, for which nobody waits', async () => {
    const { world, played, start, begin } = await newSubscription()
    const refundId = deriveId('rfd', 'subscription test', start.workflowId)
    const opening = {
      kind: 'late_payment',
      ownerId: deriveId('sbs', 'subscription test', start.workflowId),
      invoiceId: 'in_late',
    } as const
    const opened: unknown[] = []
    const refunding: PlayedActivities = {
      ...played,
      voidInvoices: async () => [{ refundId, opening }],
      openRefund: async (asked) => {
        opened.push(asked.opening)
        return false
      },
    }
    await stage.play(refunding, async () => {
      const handle = await begin()
      await soon(() => world.looks).toBe(1)
      world.show({ status: 'canceled' }, { toVoid: ['in_late'] })
      await wake(handle, 'evt_1')
      expect(await handle.result()).toBe('canceled')
      expect(await stage.client.workflow.getHandle(`refund/${refundId}`).result()).toBe('nothing')
    })
    expect(opened).toEqual([opening])
  })
})
