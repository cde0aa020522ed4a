import { setTimeout as sleep } from 'node:timers/promises'
import { WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CheckoutSnapshot } from '../../domain/checkout.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { currency, money } from '../../domain/money.ts'
import { checkoutStart } from '../../inbox/starts.ts'
import { openSession, stripeChanged } from '../../workflows/messages.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { noTicker } from '../support/ticker.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'
import { createNamespace } from '../support/stack.ts'

let seeded: Seeded
let projectId: ProjectId
let workers: RunningWorkers
const scripted = createScriptedProvider()
beforeAll(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
  workers = await startWorkers(await createNamespace(), {
    database: seeded.connections.application,
    provider: scripted.provider,
    now: () => new Date(),
    ticker: noTicker,
  })
})
afterAll(async () => {
  await workers.stop()
  await seeded.close()
})

const expired: CheckoutSnapshot = {
  session: 'expired',
  payment: 'unpaid',
  settlement: 'none',
  total: money(9900, currency('brl')),
  attempts: [],
}

/** A checkout that ends by its first hint, with another hint so many milliseconds after the first.
 *  @returns what its history says of hints and looks, in order. */
async function endWithHintAfter(delay_ms: number): Promise<string[]> {
  const payment = await seedPayment(seeded, projectId, { buys: { amount: 9900 } })
  const operation = new WithStartWorkflowOperation('checkout', checkoutStart(payment))
  await workers.client.workflow.executeUpdateWithStart(openSession, { startWorkflowOperation: operation })
  const handle = await operation.workflowHandle()
  const hint = (eventId: string) => handle.signal(stripeChanged, { eventId, objectId: 'cs_1' })
  await hint('evt_1')
  await sleep(delay_ms)
  const accepted = await hint('evt_2').then(
    () => true,
    (error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return false
      throw error
    },
  )
  await handle.result()
  const { events } = await handle.fetchHistory()
  const kinds = (events ?? []).flatMap((event) => {
    if (event.workflowExecutionSignaledEventAttributes) return ['hint']
    return event.activityTaskScheduledEventAttributes?.activityType?.name === 'readCheckout' ? ['look'] : []
  })
  expect(kinds.filter((kind) => kind === 'hint')).toHaveLength(accepted ? 2 : 1)
  return kinds
}

describe('a hint that comes while a checkout ends', () => {
  it('is followed by a look, or refused so that it starts the checkout anew: none that was accepted is lost', async () => {
    scripted.show({ checkout: expired })
    const delays = Array.from({ length: 40 }, (_, index) => index * 5)
    const histories = await Promise.all(delays.map(endWithHintAfter))
    expect(histories.filter((kinds) => kinds.at(-1) !== 'look')).toEqual([])
  })
})
