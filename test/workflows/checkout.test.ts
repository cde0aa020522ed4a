import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import { deriveId } from '../../db/mint-id.ts'
import type { CheckoutSnapshot, PaymentStatus } from '../../domain/checkout.ts'
import { BillingError } from '../../domain/errors.ts'
import { checkoutStart, subscriptionStart } from '../../inbox/starts.ts'
import { openSession, retry, state, stripeChanged } from '../../workflows/messages.ts'
import { brl, knownAs } from '../support/snapshots.ts'
import { following, type PlayedActivities, soon, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()
const DAY = 24 * 60 * 60 * 1000

const open: CheckoutSnapshot = {
  session: 'open',
  payment: 'unpaid',
  settlement: 'none',
  total: brl(9900),
  attempts: [],
}
const paid: CheckoutSnapshot = {
  ...open,
  session: 'complete',
  payment: 'paid',
  attempts: [{ stripeChargeId: 'ch_1', money: brl(9900), outcome: 'succeeded', attemptedAt: 1 }],
}

let counter = 0
/** A payment of its own for each test, with the activities of a world in which all goes well. */
function newPayment(activities: PlayedActivities = {}, planId: string | null = null) {
  counter += 1
  const paymentId = deriveId('pay', 'workflow test', String(counter))
  const subscriptionId = deriveId('sbs', 'workflow test', String(counter))
  const projectId = deriveId('prj', 'workflow test')
  const start = checkoutStart({
    projectId,
    paymentId,
    userId: `user-${counter}`,
    correlationId: 'test',
    planId,
  })
  const recorded: CheckoutSnapshot[] = []
  const played: PlayedActivities = {
    openCheckout: async () => {
      const openedAt = await stage.environment.currentTimeMs()
      return {
        status: 'pending',
        checkoutSessionId: 'cs_1',
        checkoutUrl: 'http://127.0.0.1/pay',
        openedAt,
        expiresAt: openedAt + DAY,
        ...(planId !== null && { subscriptionId }),
      }
    },
    recordCheckout: async ({ snapshot }) => {
      recorded.push(snapshot)
      if (snapshot.session === 'open') return 'pending'
      return snapshot.session === 'expired' ? 'expired' : 'succeeded'
    },
    ...activities,
  }
  const begin = async (client: typeof stage.environment.client) => {
    const operation = new WithStartWorkflowOperation('checkout', start)
    const opened = client.workflow.executeUpdateWithStart(openSession, { startWorkflowOperation: operation })
    return { opened, handle: await operation.workflowHandle() }
  }
  return { played, start, begin, recorded, projectId, paymentId, subscriptionId }
}

describe('checkout', () => {
  it('opens a page, is woken by an event, and records what Stripe says', async () => {
    const { played, begin, recorded } = newPayment({ readCheckout: async () => paid })
    await stage.play(played, async (client) => {
      const { opened, handle } = await begin(client)
      expect(await opened).toEqual({ checkoutSessionId: 'cs_1', checkoutUrl: 'http://127.0.0.1/pay' })
      expect(await handle.query(state)).toMatchObject({
        status: 'pending',
        waitingFor: 'the customer to pay',
      })
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'cs_1' })
      expect(await handle.result()).toBe('succeeded')
    })
    expect(recorded).toEqual([paid])
  })

  it('finds out by itself when every webhook is lost', async () => {
    let looks = 0
    const { played, begin } = newPayment({
      readCheckout: async () => ((looks += 1) < 3 ? open : paid),
    })
    await stage.play(played, async (client) => {
      const { handle } = await begin(client)
      expect(await handle.result()).toBe('succeeded')
    })
    expect(looks).toBe(3)
  })

  it('ends as expired when nobody pays, after a handful of looks', async () => {
    let looks = 0
    let openedAt = 0
    const { played, begin } = newPayment({
      readCheckout: async () => {
        looks += 1
        const now = await stage.environment.currentTimeMs()
        openedAt ||= now - 2 * 60_000
        return now >= openedAt + DAY ? { ...open, session: 'expired' } : open
      },
    })
    await stage.play(played, async (client) => {
      expect(await (await begin(client)).handle.result()).toBe('expired')
    })
    expect(looks).toBe(5)
  })

  it('looks once for an event that is delivered twice', async () => {
    let looks = 0
    const { played, begin } = newPayment({
      readCheckout: async () => {
        looks += 1
        return looks === 1 ? open : paid
      },
    })
    await stage.play(played, async (client) => {
      const { opened, handle } = await begin(client)
      await opened
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'cs_1' })
      await soon(() => looks).toBe(1)
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'cs_1' })
      expect(await handle.query(state)).toMatchObject({ status: 'pending' })
      expect(looks).toBe(1)
      await handle.signal(stripeChanged, { eventId: 'evt_2', objectId: 'cs_1' })
      expect(await handle.result()).toBe('succeeded')
    })
    expect(looks).toBe(2)
  })

  it('waits out a provider that cannot be reached, and answers when it can', async () => {
    let tries = 0
    const { played, begin } = newPayment({ readCheckout: async () => paid })
    const { openCheckout } = played
    if (!openCheckout) throw new Error('not played')
    const flaky: PlayedActivities = {
      ...played,
      openCheckout: async (input) => {
        tries += 1
        if (tries < 4) throw new BillingError('provider_unavailable')
        return openCheckout(input)
      },
    }
    await stage.play(flaky, async (client) => {
      const { opened } = await begin(client)
      expect(await opened).toMatchObject({ checkoutSessionId: 'cs_1' })
    })
    expect(tries).toBe(4)
  })

  it('tells the caller of a final refusal, records it and ends', async () => {
    const refused: string[] = []
    const { played, begin } = newPayment({
      openCheckout: async () => {
        throw new BillingError('provider_refused', { detail: 'The amount is too small.' })
      },
      recordRefusal: async ({ code }) => {
        refused.push(code)
        return 'failed'
      },
    })
    await stage.play(played, async (client) => {
      const { opened, handle } = await begin(client)
      await expect(opened).rejects.toThrow(WorkflowUpdateFailedError)
      expect(await handle.result()).toBe('failed')
    })
    expect(refused).toEqual(['provider_refused'])
  })

  it('parks for an operator when Stripe no longer knows the session, and goes on when told to retry', async () => {
    let missing = true
    const acts: string[] = []
    const { played, begin } = newPayment({
      readCheckout: async () => {
        if (missing) throw new BillingError('provider_object_missing')
        return paid
      },
      recordOperatorAction: async ({ action, by, reason }) => {
        acts.push(`${by} ${action}: ${reason}`)
        return true
      },
    })
    await stage.play(played, async (client) => {
      const { opened, handle } = await begin(client)
      await opened
      await expect(
        handle.executeUpdate(retry, { args: [{ reason: 'why not', by: 'ana' }] }),
      ).rejects.toMatchObject({ cause: { message: 'This workflow is not waiting for an operator.' } })
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'cs_1' })
      await soon(() => handle.query(state)).toMatchObject({ attention: 'provider_object_missing' })
      missing = false
      await handle.executeUpdate(retry, { args: [{ reason: 'restored at Stripe', by: 'ana' }] })
      expect(await handle.result()).toBe('succeeded')
    })
    expect(acts).toEqual(['ana retry: restored at Stripe'])
  })

  it('hands a paid subscription over to a workflow of its own', async () => {
    const { played, begin, subscriptionId } = newPayment(
      {
        readCheckout: async () => ({ ...paid, stripeSubscriptionId: 'sub_1' }),
        followSubscription: async () => following(knownAs({ status: 'canceled' })),
      },
      'pro',
    )
    await stage.play(played, async (client) => {
      const { opened, handle } = await begin(client)
      await opened
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'cs_1' })
      expect(await handle.result()).toBe('succeeded')
      expect(await client.workflow.getHandle(`subscription/${subscriptionId}`).result()).toBe('canceled')
    })
  })

  it.each(['openCheckout', 'readCheckout', 'recordCheckout'] as const)(
    'survives failures of %s, however many, and records one outcome',
    async (step) => {
      let failures = 7
      const { played, begin, recorded } = newPayment({ readCheckout: async () => paid })
      const work = played[step] as (input: unknown) => Promise<unknown>
      const failing = async (input: unknown) => {
        failures -= 1
        if (failures >= 0)
          throw new BillingError(
            step === 'recordCheckout' ? 'database_unavailable' : 'provider_unavailable',
            {
              retryAfterSeconds: 0.1,
            },
          )
        return work(input)
      }
      await stage.play({ ...played, [step]: failing }, async (client) => {
        const { opened, handle } = await begin(client)
        await opened
        await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'cs_1' })
        expect(await handle.result()).toBe('succeeded')
      })
      expect(recorded).toEqual([paid])
    },
  )

  it('hands over to a subscription that already runs', async () => {
    const runs: string[] = []
    const active = knownAs({ currentPeriodEnd: (await stage.environment.currentTimeMs()) + 30 * DAY })
    const { played, begin, subscriptionId, projectId, paymentId } = newPayment(
      {
        readCheckout: async () => ({ ...paid, stripeSubscriptionId: 'sub_1' }),
        followSubscription: async ({ stripeSubscriptionId }) => {
          runs.push(stripeSubscriptionId)
          return following(active)
        },
      },
      'pro',
    )
    await stage.play(played, async (client) => {
      const running = await client.workflow.start(
        'subscription',
        subscriptionStart({
          projectId,
          subscriptionId,
          paymentId,
          stripeSubscriptionId: 'sub_1',
          userId: 'user',
          correlationId: 'test',
          planId: 'pro',
          status: 'incomplete',
          clockId: null,
        }),
      )
      await soon(() => running.query(state)).toMatchObject({ status: 'active' })
      const { opened, handle } = await begin(client)
      await opened
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'cs_1' })
      expect(await handle.result()).toBe('succeeded')
      await running.terminate()
    })
    expect(runs).toEqual(['sub_1'])
  })

  it('looks again for late money when an event starts it after its end, and asks nobody', async () => {
    let status: PaymentStatus = 'expired'
    const { played, start } = newPayment({
      openCheckout: async () => ({
        status,
        checkoutSessionId: 'cs_1',
        checkoutUrl: '',
        openedAt: 0,
        expiresAt: DAY,
      }),
      readCheckout: async () => paid,
      recordCheckout: async () => (status = 'succeeded'),
    })
    await stage.play(played, async (client) => {
      const late = await client.workflow.signalWithStart('checkout', {
        ...start,
        signal: stripeChanged,
        signalArgs: [{ eventId: 'evt_late', objectId: 'cs_1' }],
      })
      expect(await late.result()).toBe('succeeded')
    })
    expect(status).toBe('succeeded')
  })

  it('asks for a person when money neither comes nor fails for thirty days, and goes on by itself when news comes', async () => {
    const openedAt = (await stage.environment.currentTimeMs()) - 40 * DAY
    const onItsWay: CheckoutSnapshot = { ...open, session: 'complete', settlement: 'processing' }
    let arrived = false
    const { played, begin, recorded } = newPayment({
      openCheckout: async () => ({
        status: 'pending',
        checkoutSessionId: 'cs_1',
        checkoutUrl: '',
        openedAt,
        expiresAt: openedAt + DAY,
      }),
      readCheckout: async () => (arrived ? paid : onItsWay),
    })
    await stage.play(played, async (client) => {
      const { opened, handle } = await begin(client)
      await opened
      await soon(() => handle.query(state)).toMatchObject({
        status: 'pending',
        attention: 'payment_unsettled',
      })
      arrived = true
      await handle.signal(stripeChanged, { eventId: 'evt_1', objectId: 'cs_1' })
      expect(await handle.result()).toBe('succeeded')
    })
    expect(recorded).toEqual([paid])
  })
})
