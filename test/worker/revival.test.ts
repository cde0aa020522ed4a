import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { findCase, listAttempts } from '../../db/dunning.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { subscriptionStart } from '../../inbox/starts.ts'
import { reviveEnded } from '../../inbox/revive.ts'
import { type Revival, startRevival } from '../../worker/revival.ts'
import { dunningWorkflowId } from '../../workflows/ids.ts'
import { retry, state, stripeChanged } from '../../workflows/messages.ts'
import { createStage, DAY, MONTH, sell, type Stage } from '../activities/sold.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { declinedAttempt } from '../support/snapshots.ts'
import { createNamespace } from '../support/stack.ts'
import { silent } from './fixtures.ts'

let seeded: Seeded
let projectId: ProjectId
let stage: Stage
let workers: RunningWorkers
let revival: Revival

beforeAll(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
  stage = createStage(seeded)
  stage.state.at = bornAt
  workers = await startWorkers(await createNamespace(), stage.dependencies)
  revival = startRevival({
    system: seeded.connections.system,
    temporal: workers.client,
    logger: silent,
    interval_ms: 100,
  })
})
afterAll(async () => {
  await revival.stop()
  await workers.stop()
  await seeded.close()
})

const handleOf = (workflowId: string) => workers.client.workflow.getHandle(workflowId)
const runsAgain = (workflowId: string, endedRun: string) =>
  eventually(`${workflowId} runs again and waits`, async () => {
    const { runId, status } = await handleOf(workflowId).describe()
    return runId !== endedRun && status.name === 'RUNNING' && (await handleOf(workflowId).query(state)).until
  })

/** Temporal's time is the real one here, so that of the provider is, too. */
const bornAt = Date.now()
const period = (number: number) => ({
  currentPeriodStart: bornAt + (number - 1) * MONTH,
  currentPeriodEnd: bornAt + number * MONTH,
})

/** A subscription with its workflow. */
async function running() {
  const sold = await sell(stage, seeded, projectId)
  await sold.look(1, period(1))
  const workflow = await workers.client.workflow.start(
    'subscription',
    subscriptionStart({
      ...sold.subject,
      userId: 'user-1',
      correlationId: 'test',
      planId: 'pro',
      status: 'active',
      clockId: null,
    }),
  )
  await eventually('it waits for its renewal', async () => (await workflow.query(state)).until)
  return { ...sold, workflow }
}

/** One whose renewal was declined, with its case. */
async function owing() {
  const sold = await running()
  stage.state.cards = [{ paymentMethodId: 'pm_1', answer: 'insufficient_funds', isDefault: true }]
  stage.state.tries = []
  const unpaid = sold.invoice(2, {
    status: 'open',
    finalizedAt: bornAt,
    attempts: [
      declinedAttempt(bornAt, { stripeChargeId: `ch_${sold.subscriptionId}`, paymentMethodId: 'pm_1' }),
    ],
  })
  const { invoiceId } = unpaid
  sold.show(2, { ...period(2), status: 'past_due', latestInvoice: unpaid })
  await sold.workflow.signal(stripeChanged, { eventId: `evt_${invoiceId}`, objectId: invoiceId })
  const ofCase = handleOf(dunningWorkflowId(invoiceId))
  await eventually('its case waits', async () => (await ofCase.query(state)).until)
  return { ...sold, unpaid, invoiceId, ofCase }
}

describe('a workflow that somebody terminates', () => {
  it('runs again while its subscription lives', async () => {
    const { workflow } = await running()
    const before = await workflow.query(state)
    await workflow.terminate()
    await runsAgain(workflow.workflowId, workflow.firstExecutionRunId)
    expect(await handleOf(workflow.workflowId).query(state)).toEqual(before)
  })

  it('runs again while its case is open, and charges nothing twice', async () => {
    const { workflow, ofCase, invoiceId } = await owing()
    await ofCase.executeUpdate(retry, { args: [{ by: 'ana', reason: 'The card works again.' }] })
    const attempts = () =>
      inProject(seeded.connections.application, projectId, (transaction) =>
        listAttempts(transaction, projectId, [invoiceId]),
      )
    await eventually('the retry was declined', async () => (await attempts())[1]?.outcome === 'declined')
    const { runId } = await ofCase.describe()
    await ofCase.terminate()
    await workflow.terminate()
    await runsAgain(ofCase.workflowId, runId)
    await runsAgain(workflow.workflowId, workflow.firstExecutionRunId)
    expect(await attempts()).toHaveLength(2)
    expect(stage.state.tries.filter((one) => one.invoiceId === invoiceId)).toHaveLength(1)
  })

  it('stays ended when nothing is left to be done', async () => {
    await revival.stop()
    const { workflow, look, ofCase, invoiceId, unpaid } = await owing()
    const { runId } = await ofCase.describe()
    await Promise.all([workflow.terminate(), ofCase.terminate()])
    await look(2, { ...period(2), status: 'canceled', endedAt: bornAt + DAY, latestInvoice: unpaid })
    const found = await inProject(seeded.connections.application, projectId, (transaction) =>
      findCase(transaction, projectId, invoiceId),
    )
    expect(found?.status).toBe('canceled')
    await eventually('both were seen', async () => {
      const dealtWith = await reviveEnded({
        system: seeded.connections.system,
        temporal: workers.client,
        logger: silent,
        known: new Set(),
      })
      return [runId, workflow.firstExecutionRunId].every((id) => dealtWith.has(id))
    })
    for (const { workflowId } of [workflow, ofCase])
      expect((await handleOf(workflowId).describe()).status.name).toBe('TERMINATED')
  })
})

describe('the list of workflows', () => {
  it('names user, plan and what is owed beside the id of a case', async () => {
    const { ofCase } = await owing()
    const { staticSummary } = await ofCase.describe()
    expect(await staticSummary()).toBe('BRL 99.00 unpaid: user user-1, plan pro')
  })
})

describe('a workflow that somebody asks to cancel', () => {
  it('goes on with the next period, and knows nothing of it there', async () => {
    const { workflow, show } = await running()
    const details = async () =>
      (await handleOf(workflow.workflowId).query<{ currentDetails: string }>('__temporal_workflow_metadata'))
        .currentDetails
    await workflow.cancel()
    await eventually('it says so', async () => (await details()).includes('and ignored'))
    show(2, period(2))
    await workflow.signal(stripeChanged, { eventId: 'evt_renewal', objectId: 'in_2' })
    await runsAgain(workflow.workflowId, workflow.firstExecutionRunId)
    expect(await details()).toMatch(/^Waiting for the renewal/)
  })
})
