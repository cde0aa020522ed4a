import type { WorkflowHandle } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { currency, money } from '../../domain/money.ts'
import type { KnownSubscription, SubscriptionSnapshot } from '../../domain/subscription.ts'
import { subscriptionStart } from '../../inbox/starts.ts'
import { retry, skip, state, stripeChanged } from '../../workflows/messages.ts'
import { type PlayedActivities, soon, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()
const HOUR = 3_600_000
const DAY = 24 * HOUR
const MONTH = 30 * DAY

let counter = 0
/** A subscription of its own for each test, in a world where Stripe shows what the test last set. */
async function newSubscription() {
  counter += 1
  const subscriptionId = deriveId('sbs', 'subscription test', String(counter))
  const bornAt = await stage.environment.currentTimeMs()
  const world = {
    looks: 0,
    recorded: [] as string[],
    seen: {
      stripeSubscriptionId: `sub_${counter}`,
      stripeCustomerId: 'cus_1',
      status: 'active',
      currentPeriodStart: bornAt,
      currentPeriodEnd: bornAt + MONTH,
      cancelAtPeriodEnd: false,
      quantity: 1,
      latestInvoice: {
        invoiceId: 'in_1',
        status: 'paid',
        billingReason: 'subscription_create',
        amountPaid: money(9900, currency('brl')),
      },
    } as SubscriptionSnapshot,
    /** What Stripe does while nobody is told. */
    show(seen: Partial<SubscriptionSnapshot>) {
      world.seen = { ...world.seen, ...seen }
    },
  }
  const played: PlayedActivities = {
    readSubscription: async () => {
      world.looks += 1
      return world.seen
    },
    recordSubscription: async ({ snapshot }) => {
      world.recorded.push(snapshot.status)
      if (snapshot.status === 'incomplete' || snapshot.status === 'incomplete_expired') return undefined
      return recordedAs(snapshot)
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
  })
  const { client } = stage.environment
  const begin = () => client.workflow.start('subscription', start)
  return { world, played, start, begin, periodEnd: bornAt + MONTH }
}

function recordedAs({ status, ...snapshot }: SubscriptionSnapshot): KnownSubscription {
  const { currentPeriodStart, currentPeriodEnd, cancelAtPeriodEnd, quantity } = snapshot
  const known = status === 'unpaid' || status.startsWith('incomplete') ? 'past_due' : status
  return {
    status: known as KnownSubscription['status'],
    currentPeriodStart,
    currentPeriodEnd,
    cancelAtPeriodEnd,
    quantity,
  }
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
    expect(world.recorded).toEqual(['active', 'canceled'])
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
    const { latestInvoice } = world.seen
    if (!latestInvoice) throw new Error('no invoice')
    await stage.play(played, async () => {
      const handle = await begin()
      await soon(() => world.looks).toBe(1)
      // Stripe has opened the next period and not charged yet.
      world.show({
        currentPeriodEnd: periodEnd + MONTH,
        latestInvoice: { ...latestInvoice, invoiceId: 'in_2', status: 'draft' },
      })
      await wake(handle, 'evt_1')
      await soon(() => world.looks).toBe(2)
      const now = await stage.environment.currentTimeMs()
      expect(Date.parse((await waitsUntil(handle)) ?? '') - now).toBeLessThanOrEqual(DAY)
      world.show({ latestInvoice: { ...latestInvoice, invoiceId: 'in_2' } })
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

  it('ends when Stripe has given up on its first payment', async () => {
    const { world, played, begin } = await newSubscription()
    world.show({ status: 'incomplete' })
    await stage.play(played, async () => {
      const handle = await begin()
      await soon(() => handle.query(state)).toMatchObject({
        status: 'incomplete',
        waitingFor: 'Stripe to start the subscription',
      })
      world.show({ status: 'incomplete_expired' })
      expect(await handle.result()).toBe('incomplete')
    })
    expect(world.recorded).toEqual(['incomplete', 'incomplete_expired'])
  })

  it.each(['readSubscription', 'recordSubscription'] as const)(
    'survives failures of %s, however many, and records once they are over',
    async (step) => {
      const { world, played, begin } = await newSubscription()
      let failures = 7
      world.show({ status: 'canceled' })
      const { readSubscription, recordSubscription } = played
      if (!readSubscription || !recordSubscription) throw new Error('not played')
      const failing = <Input, Result>(work: (input: Input) => Promise<Result>) => {
        return async (input: Input) => {
          failures -= 1
          if (failures >= 0)
            throw new BillingError(
              step === 'readSubscription' ? 'provider_unavailable' : 'database_unavailable',
              { retryAfterSeconds: 0.1 },
            )
          return work(input)
        }
      }
      const flaky: PlayedActivities =
        step === 'readSubscription'
          ? { ...played, readSubscription: failing(readSubscription) }
          : { ...played, recordSubscription: failing(recordSubscription) }
      await stage.play(flaky, async () => {
        expect(await (await begin()).result()).toBe('canceled')
      })
      expect(world.recorded).toEqual(['canceled'])
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
      readSubscription: async () => {
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
