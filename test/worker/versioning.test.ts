import type { Client } from '@temporalio/client'
import { WithStartWorkflowOperation } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ProjectId } from '../../domain/ids.ts'
import { checkoutStart } from '../../inbox/starts.ts'
import { replayOpenWorkflows } from '../../scripts/replay-open-workflows.ts'
import { DEPLOYMENT_NAME } from '../../worker/workers.ts'
import { checkoutWorkflowId, subscriptionWorkflowId } from '../../workflows/ids.ts'
import { openSession, stripeChanged } from '../../workflows/messages.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { openDatabase, type Seeded, seedPayment, seedProject } from '../support/seed.ts'
import { brl, invoiceSeen, subscriptionSeen } from '../support/snapshots.ts'
import { createNamespace, workflowBundle } from '../support/stack.ts'
import { noTicker } from '../support/ticker.ts'

const scripted = createScriptedProvider()
let seeded: Seeded
let projectId: ProjectId
let server: { address: string; namespace: string }
const releases: RunningWorkers[] = []

beforeAll(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
  server = await createNamespace()
})
afterAll(async () => {
  await Promise.all(releases.map((release) => release.stop()))
  await seeded.close()
})

/** Starts the workers of a release beside those there are, and makes it the one that takes new work. */
async function release(buildId: string): Promise<RunningWorkers> {
  const workers = await startWorkers(
    server,
    {
      database: seeded.connections.application,
      provider: scripted.provider,
      now: () => new Date(),
      ticker: noTicker,
    },
    { buildId },
  )
  releases.push(workers)
  await eventually(`release ${buildId} is current`, async () => {
    await workers.client.workflowService.setWorkerDeploymentCurrentVersion({
      namespace: server.namespace,
      deploymentName: DEPLOYMENT_NAME,
      buildId,
      ignoreMissingTaskQueues: true,
    })
    return true
  })
  return workers
}

async function versionOf(client: Client, workflowId: string): Promise<string> {
  const { raw } = await client.workflow.getHandle(workflowId).describe()
  const info = raw.workflowExecutionInfo?.versioningInfo
  return info?.deploymentVersion?.buildId ?? ''
}

describe('a new release', () => {
  it('takes over subscriptions at their next step, and leaves checkouts to the release that began them', async () => {
    const { client } = await release('one')
    const sold = await seedPayment(seeded, projectId)
    const abandoned = await seedPayment(seeded, projectId)
    for (const payment of [sold, abandoned])
      await client.workflow.executeUpdateWithStart(openSession, {
        startWorkflowOperation: new WithStartWorkflowOperation('checkout', checkoutStart(payment)),
      })
    scripted.show({
      checkout: {
        session: 'complete',
        payment: 'paid',
        settlement: 'none',
        total: brl(9_900),
        attempts: [],
        stripeSubscriptionId: 'sub_versioned',
        stripeInvoiceId: 'in_1',
      },
      subscription: subscriptionSeen({
        stripeSubscriptionId: 'sub_versioned',
        latestInvoice: invoiceSeen({ invoiceId: 'in_1', billingReason: 'subscription_create' }),
      }),
    })
    const wake = (workflowId: string, eventId: string) =>
      client.workflow.getHandle(workflowId).signal(stripeChanged, { eventId, objectId: 'cs_1' })
    await wake(checkoutWorkflowId(sold.paymentId), 'evt_paid')
    if (!sold.subscriptionId) throw new Error('it sells no subscription')
    const subscription = subscriptionWorkflowId(sold.subscriptionId)
    await eventually('the subscription runs', async () => (await versionOf(client, subscription)) === 'one')

    await release('two')
    // The server tells its own parts of the new release one after the other, so the first step after it may still be old.
    let step = 0
    await eventually('it has gone over', async () => {
      step += 1
      await wake(subscription, `evt_${step}`)
      return (await versionOf(client, subscription)) === 'two'
    })
    expect(await versionOf(client, checkoutWorkflowId(abandoned.paymentId))).toBe('one')

    // So whoever asks what a third release would break is told of subscriptions alone.
    const replayed = await replayOpenWorkflows({ client, bundle: workflowBundle(), tell: () => {} })
    expect(replayed).toEqual({ replayed: 1, wouldBreak: 0, pinned: 1 })
  }, 120_000)
})
