import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ProjectId } from '../../domain/ids.ts'
import { restoreWaiting } from '../../inbox/restore.ts'
import { dunningWorkflowId, subscriptionWorkflowId } from '../../workflows/ids.ts'
import { createStage, MONTH, sell, type Stage } from '../activities/sold.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { createNamespace } from '../support/stack.ts'
import { silent } from './fixtures.ts'

let seeded: Seeded
let projectId: ProjectId
let stage: Stage
let workers: RunningWorkers

beforeAll(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
  stage = createStage(seeded)
  stage.state.at = bornAt
  // A Temporal that knows nothing of what the rows tell.
  workers = await startWorkers(await createNamespace(), stage.dependencies)
})
afterAll(async () => {
  await workers.stop()
  await seeded.close()
})

const bornAt = Date.now()
const period = (number: number) => ({
  currentPeriodStart: bornAt + (number - 1) * MONTH,
  currentPeriodEnd: bornAt + number * MONTH,
})
const restore = () =>
  restoreWaiting({ system: seeded.connections.system, temporal: workers.client, logger: silent, page: 1 })
const runOf = async (workflowId: string): Promise<string | undefined> => {
  try {
    const { runId, status } = await workers.client.workflow.getHandle(workflowId).describe()
    return status.name === 'RUNNING' ? runId : undefined
  } catch {
    return undefined
  }
}

describe('after Temporal was lost', () => {
  it('what waits runs again, once, and what Stripe will tell of is left to Stripe', async () => {
    const sold = () => sell(stage, seeded, projectId)
    const [active, ...paused] = [await sold(), await sold(), await sold()]
    await active?.look(1, period(1))
    for (const one of paused) {
      await one.look(1, period(1))
      await one.look(1, { ...period(1), status: 'paused' })
    }
    const failing = await sold()
    await failing.look(1, period(1))
    const open = failing.invoice(2, { status: 'open', attempted: true, finalizedAt: Date.now() })
    const { openCases } = await failing.look(2, { ...period(1), status: 'past_due', latestInvoice: open })
    expect(openCases).toEqual([open.invoiceId])

    await restore()
    const waiting = [
      ...[...paused, failing].map(({ subscriptionId }) => subscriptionWorkflowId(subscriptionId)),
      dunningWorkflowId(open.invoiceId),
    ]
    const runs = await Promise.all(waiting.map(runOf))
    for (const run of runs) expect(run).toBeDefined()
    expect(active && (await runOf(subscriptionWorkflowId(active.subscriptionId)))).toBeUndefined()

    await restore()
    expect(await Promise.all(waiting.map(runOf))).toEqual(runs)
    for (const workflowId of waiting) await workers.client.workflow.getHandle(workflowId).terminate()
  })
})
