import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import type { PaymentMethodChange } from '../../domain/payment-methods.ts'
import { paymentMethodStart } from '../../inbox/starts.ts'
import { changePaymentMethod, openSetupPage, retry, state, stripeChanged } from '../../workflows/messages.ts'
import { type PlayedActivities, soon, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()
type Client = typeof stage.environment.client
const DAY = 24 * 60 * 60 * 1000
const asked = { by: 'key_1', correlationId: 'test' }

let counter = 0
/** A customer of their own for each test, in a world in which pages open. */
function newCustomer(activities: PlayedActivities) {
  counter += 1
  const start = paymentMethodStart({
    projectId: deriveId('prj', 'workflow test'),
    customerId: deriveId('cst', 'workflow test', String(counter)),
  })
  const played: PlayedActivities = {
    openSetupPage: async () => {
      const openedAt = await stage.environment.currentTimeMs()
      return {
        sessionId: 'cs_1',
        setupUrl: 'http://127.0.0.1/setup',
        openedAt,
        expiresAt: openedAt + DAY,
      }
    },
    ...activities,
  }
  return {
    played,
    async open(client: Client) {
      const operation = new WithStartWorkflowOperation('paymentMethod', start)
      const opened = client.workflow.executeUpdateWithStart(openSetupPage, {
        args: [{ successUrl: 'https://shop.test', cancelUrl: 'https://shop.test', ...asked }],
        startWorkflowOperation: operation,
      })
      return { opened, handle: await operation.workflowHandle() }
    },
    change: (client: Client, change: PaymentMethodChange) =>
      client.workflow.executeUpdateWithStart(changePaymentMethod, {
        args: [{ change, ...asked }],
        startWorkflowOperation: new WithStartWorkflowOperation('paymentMethod', start),
      }),
    tell: (client: Client, eventId: string) =>
      client.workflow.signalWithStart('paymentMethod', {
        ...start,
        signal: stripeChanged,
        signalArgs: [{ eventId, objectId: 'cs_1' }],
      }),
  }
}

/** A page that is opened now and lasts a day. */
async function pageThat(isOpen: boolean) {
  const openedAt = await stage.environment.currentTimeMs()
  return { isOpen, openedAt, expiresAt: openedAt + DAY }
}
const removal: PaymentMethodChange = { kind: 'remove', paymentMethodId: 'pm_1' }

describe('paymentMethod', () => {
  it('opens a page, is woken when a card is saved on it, and ends', async () => {
    let looks = 0
    const { played, open, tell } = newCustomer({
      followSetupPage: async () => pageThat((looks += 1) < 1),
    })
    await stage.play(played, async (client) => {
      const { opened, handle } = await open(client)
      expect(await opened).toEqual({ setupUrl: 'http://127.0.0.1/setup' })
      expect(await handle.query(state)).toMatchObject({
        status: 'open',
        waitingFor: 'the customer to save a card',
      })
      await tell(client, 'evt_1')
      await handle.result()
      expect(await handle.query(state)).toMatchObject({ status: 'ready', waitingFor: 'nothing' })
    })
    expect(looks).toBe(1)
  })

  it('finds out by itself when every webhook is lost', async () => {
    let looks = 0
    const { played, open } = newCustomer({ followSetupPage: async () => pageThat((looks += 1) < 3) })
    await stage.play(played, async (client) => {
      const { opened, handle } = await open(client)
      await opened
      await handle.result()
    })
    expect(looks).toBe(3)
  })

  it('lets go of a page that nobody uses, after a handful of looks', async () => {
    let looks = 0
    let openedAt = 0
    const { played, open } = newCustomer({
      followSetupPage: async () => {
        looks += 1
        const now = await stage.environment.currentTimeMs()
        openedAt ||= now - 2 * 60_000
        return { isOpen: now < openedAt + DAY, openedAt, expiresAt: openedAt + DAY }
      },
    })
    await stage.play(played, async (client) => {
      const { opened, handle } = await open(client)
      await opened
      await handle.result()
    })
    expect(looks).toBe(5)
  })

  it('looks at a page that an earlier run opened, and again for what is told while it looks', async () => {
    let looks = 0
    const told: (() => Promise<unknown>)[] = []
    const { played, tell } = newCustomer({
      followSetupPage: async () => {
        looks += 1
        if (looks === 1) await told[0]?.()
        return pageThat(looks < 2)
      },
    })
    await stage.play(played, async (client) => {
      told.push(() => tell(client, 'evt_2'))
      await (await tell(client, 'evt_1')).result()
    })
    expect(looks).toBe(2)
  })

  it('does what is asked at once one after the other', async () => {
    let underWay = 0
    let most = 0
    const { played, change } = newCustomer({
      changePaymentMethod: async ({ change: { paymentMethodId } }) => {
        most = Math.max(most, (underWay += 1))
        await new Promise((resolve) => void setTimeout(resolve, 50))
        underWay -= 1
        return { paymentMethodId }
      },
    })
    await stage.play(played, async (client) => {
      const answers = await Promise.all(
        ['pm_1', 'pm_2', 'pm_3'].map((paymentMethodId) =>
          change(client, { kind: 'remove', paymentMethodId }),
        ),
      )
      expect(answers.map(({ paymentMethodId }) => paymentMethodId)).toEqual(['pm_1', 'pm_2', 'pm_3'])
    })
    expect(most).toBe(1)
  })

  it('tells whoever asked why it is refused, and does what is asked next', async () => {
    let tries = 0
    const { played, change } = newCustomer({
      changePaymentMethod: async ({ change: { paymentMethodId } }) => {
        if ((tries += 1) === 1) throw new BillingError('last_payment_method')
        return { paymentMethodId }
      },
    })
    await stage.play(played, async (client) => {
      const refused = await change(client, removal).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(WorkflowUpdateFailedError)
      expect(refused).toMatchObject({ cause: { cause: { type: 'last_payment_method' } } })
      expect(await change(client, removal)).toEqual({ paymentMethodId: 'pm_1' })
    })
  })

  it('waits out a provider that cannot be reached, at every step', async () => {
    const tries = { openSetupPage: 0, followSetupPage: 0, changePaymentMethod: 0 }
    const atThird = async <Result>(step: keyof typeof tries, result: () => Promise<Result>) => {
      if ((tries[step] += 1) < 3) throw new BillingError('provider_unavailable')
      return result()
    }
    const { played, open, change, tell } = newCustomer({})
    const failing: PlayedActivities = {
      openSetupPage: (input) =>
        atThird('openSetupPage', async () => {
          if (!played.openSetupPage) throw new Error('pages open')
          return played.openSetupPage(input)
        }),
      followSetupPage: () => atThird('followSetupPage', () => pageThat(false)),
      changePaymentMethod: ({ change: { paymentMethodId } }) =>
        atThird('changePaymentMethod', async () => ({ paymentMethodId })),
    }
    await stage.play(failing, async (client) => {
      const { opened, handle } = await open(client)
      await opened
      expect(await change(client, removal)).toEqual({ paymentMethodId: 'pm_1' })
      await tell(client, 'evt_1')
      await handle.result()
    })
    expect(tries).toEqual({ openSetupPage: 3, followSetupPage: 3, changePaymentMethod: 3 })
  })

  it('parks on a page that Stripe does not let it read, still does what is asked, and goes on by retry', async () => {
    let looks = 0
    const { played, tell, change } = newCustomer({
      followSetupPage: async () => {
        if ((looks += 1) === 1) throw new BillingError('provider_refused')
        return pageThat(false)
      },
      changePaymentMethod: async ({ change: { paymentMethodId } }) => ({ paymentMethodId }),
      recordOperatorAction: async () => true,
    })
    await stage.play(played, async (client) => {
      const handle = await tell(client, 'evt_1')
      await soon(() => handle.query(state)).toMatchObject({ attention: 'provider_refused' })
      expect(await change(client, removal)).toEqual({ paymentMethodId: 'pm_1' })
      await handle.executeUpdate(retry, { args: [{ reason: 'Stripe is well again', by: 'ana' }] })
      await handle.result()
    })
    expect(looks).toBe(2)
  })
})
