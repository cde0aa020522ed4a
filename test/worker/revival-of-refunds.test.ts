import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ActivityDependencies } from '../../activities/dependencies.ts'
import { acceptRefund } from '../../db/accept-refund.ts'
import { ownerOfPayment } from '../../db/charge-owners.ts'
import { lockCharge } from '../../db/charges.ts'
import { inProject } from '../../db/client.ts'
import { deriveId, mintId } from '../../db/mint-id.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { disputeStart, refundStart } from '../../inbox/starts.ts'
import { reviveEnded } from '../../inbox/revive.ts'
import { createStripeClient } from '../../providers/stripe/client.ts'
import { createStripeProvider } from '../../providers/stripe/provider.ts'
import { state, stripeChanged } from '../../workflows/messages.ts'
import { capture, type Captured } from '../support/captured.ts'
import { eventually } from '../support/eventually.ts'
import { createLocalStripe, type LocalStripe } from '../support/local-stripe.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { createNamespace, createStripe } from '../support/stack.ts'
import { noTicker } from '../support/ticker.ts'
import { silent } from './fixtures.ts'

let seeded: Seeded
let server: Awaited<ReturnType<typeof createStripe>>
let stripe: LocalStripe
let dependencies: ActivityDependencies
let projectId: ProjectId
let workers: RunningWorkers

beforeAll(async () => {
  ;[seeded, server] = await Promise.all([openDatabase(), createStripe()])
  projectId = await seedProject(seeded)
  stripe = createLocalStripe(server.apiBase)
  dependencies = {
    database: seeded.connections.application,
    provider: createStripeProvider(createStripeClient(server)),
    now: () => new Date(),
    ticker: noTicker,
  }
  workers = await startWorkers(await createNamespace(), dependencies)
})
afterAll(async () => {
  await workers.stop()
  await Promise.all([seeded.close(), server.stop()])
})

const payer = { userId: 'user-1', correlationId: 'test', clockId: null }
const handleOf = (workflowId: string) => workers.client.workflow.getHandle(workflowId)
const waits = (workflowId: string) =>
  eventually(`${workflowId} waits`, async () => {
    const shown = await handleOf(workflowId).query(state)
    return shown.waitingFor.startsWith('a first look') ? undefined : shown
  })

/** Terminates it, and looks for ended workflows until this one has been seen.
 *  @returns whether it runs again. */
async function terminated(workflowId: string): Promise<boolean> {
  const { runId } = await handleOf(workflowId).describe()
  await handleOf(workflowId).terminate()
  await eventually('its end was seen', async () => {
    const dealtWith = await reviveEnded({
      system: seeded.connections.system,
      temporal: workers.client,
      logger: silent,
      known: new Set(),
    })
    return dealtWith.has(runId)
  })
  return (await handleOf(workflowId).describe()).runId !== runId
}

async function disputed() {
  const { payment, stripeChargeId } = await capture(seeded, dependencies, stripe, projectId)
  await stripe.disputeCharge(stripeChargeId)
  const [found] = (await stripe.sdk.disputes.list({ charge: stripeChargeId })).data
  if (!found) throw new Error('nothing is disputed')
  const start = disputeStart({
    ...payer,
    projectId,
    disputeId: deriveId('dsp', projectId, found.id),
    stripeDisputeId: found.id,
    ownerId: payment.paymentId,
  })
  await workers.client.workflow.start('dispute', start)
  await waits(start.workflowId)
  return { start, workflowId: start.workflowId, stripeDisputeId: found.id }
}

async function refunding({ payment, stripeChargeId }: Captured, status: 'pending' | 'awaiting_approval') {
  const reading = await dependencies.provider.readCharge({ chargeId: stripeChargeId })
  if (!reading) throw new Error('nothing was captured')
  const refundId = mintId('rfd')
  await inProject(dependencies.database, projectId, async (transaction) => {
    const charge = await lockCharge(transaction, ownerOfPayment(payment), reading)
    await acceptRefund(transaction, charge, reading, {
      refundId,
      amount: 1_000,
      reason: undefined,
      origin: 'request',
      terms: () => ({ status, subscriptionAction: 'keep' }),
      requestedBy: 'key_test',
      takesCredits: true,
      at: new Date(),
      why: 'A test.',
    })
  })
  const start = refundStart({ ...payer, projectId, refundId })
  await workers.client.workflow.start('refund', start)
  return { workflowId: start.workflowId, stripeChargeId }
}
const refundsOf = async (stripeChargeId: string) =>
  (await stripe.counts()).refunds_per_charge[stripeChargeId] ?? 0

describe('a workflow that somebody terminates', () => {
  it('runs again while the bank has not decided a dispute, and waits for evidence as before', async () => {
    const { workflowId } = await disputed()
    const before = await waits(workflowId)
    expect(before).toMatchObject({ waitingFor: 'evidence', until: expect.any(String) as string })
    expect(await terminated(workflowId)).toBe(true)
    expect(await waits(workflowId)).toMatchObject({ waitingFor: 'evidence', attention: before.attention })
  })

  it('stays ended when the bank has decided', async () => {
    const { start, workflowId, stripeDisputeId } = await disputed()
    await stripe.decideDispute(stripeDisputeId, 'lost')
    await handleOf(workflowId).signal(stripeChanged, { eventId: 'evt_lost', objectId: stripeDisputeId })
    expect(await handleOf(workflowId).result()).toBe('lost')
    // One more look, which is terminated before it begins.
    await workers.client.workflow.start('dispute', { ...start, startDelay: '1 hour' })
    expect(await terminated(workflowId)).toBe(false)
  })

  it('runs again while a refund waits for a second person', async () => {
    const sold = await capture(seeded, dependencies, stripe, projectId)
    const { workflowId } = await refunding(sold, 'awaiting_approval')
    const before = await waits(workflowId)
    expect(await terminated(workflowId)).toBe(true)
    expect(await waits(workflowId)).toEqual(before)
    expect(await refundsOf(sold.stripeChargeId)).toBe(0)
  })

  it('runs again while the bank has a refund, and gives nothing back twice', async () => {
    const paymentMethod = 'pm_card_pendingRefund'
    const sold = await capture(seeded, dependencies, stripe, projectId, { paymentMethod })
    const { workflowId } = await refunding(sold, 'pending')
    expect(await waits(workflowId)).toMatchObject({ status: 'pending' })
    expect(await terminated(workflowId)).toBe(true)
    await handleOf(workflowId).signal(stripeChanged, { eventId: 'evt_later', objectId: 're_1' })
    await waits(workflowId)
    expect(await refundsOf(sold.stripeChargeId)).toBe(1)
  })
})
