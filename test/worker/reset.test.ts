import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BillingError } from '../../domain/errors.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { subscriptionStart } from '../../inbox/starts.ts'
import { skip, state } from '../../workflows/messages.ts'
import { recorded } from '../activities/recorded.ts'
import { createStage, sell, type Stage } from '../activities/sold.ts'
import { eventually } from '../support/eventually.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { createNamespace } from '../support/stack.ts'

let seeded: Seeded
let projectId: ProjectId
let stage: Stage
let workers: RunningWorkers
let namespace: string

beforeAll(async () => {
  seeded = await openDatabase()
  projectId = await seedProject(seeded)
  stage = createStage(seeded)
  const server = await createNamespace()
  ;({ namespace } = server)
  workers = await startWorkers(server, stage.dependencies)
})
afterAll(async () => {
  await workers.stop()
  await seeded.close()
})

describe('a parked workflow that an operator has decided about', () => {
  it('writes the act into the audit once, to whichever of its tasks it is reset', async () => {
    const sold = await sell(stage, seeded, projectId)
    const { provider } = stage.dependencies
    provider.readSubscription = async () => {
      throw new BillingError('provider_object_missing')
    }
    const start = subscriptionStart({
      ...sold.subject,
      userId: 'user-1',
      correlationId: 'test',
      planId: 'pro',
      status: 'active',
      clockId: null,
    })
    const { workflowId } = await workers.client.workflow.start('subscription', start)
    const handle = workers.client.workflow.getHandle(workflowId)
    const parked = async () => (await handle.query(state)).attention !== undefined
    await eventually('it is parked', parked)
    await handle.executeUpdate(skip, { args: [{ by: 'marta', reason: 'It was deleted by mistake.' }] })
    await eventually('it goes on', async () => !(await parked()))

    const acts = async () =>
      (await recorded(seeded, projectId)).audit.filter(({ action }) => action === 'operator.skip')
    await eventually('the act is in the audit', async () => (await acts()).length === 1)
    const { runId } = await handle.describe()
    const { events } = await workers.client.workflow.getHandle(workflowId, runId).fetchHistory()
    const tasks = (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes)
    expect(tasks.length).toBeGreaterThan(1)
    let reapplied = 0
    for (const { eventId } of tasks) {
      await workers.client.workflowService.resetWorkflowExecution({
        namespace,
        workflowExecution: { workflowId, runId },
        reason: 'to see what is written again',
        workflowTaskFinishEventId: eventId ?? null,
        requestId: randomUUID(),
      })
      const settled = await eventually('the new run has come to rest', async () => {
        const { attention, until } = await handle.query(state)
        return attention ? 'parked' : until && 'goes on'
      })
      if (settled === 'goes on') reapplied += 1
      expect(await acts()).toHaveLength(1)
    }
    expect(reapplied).toBeGreaterThan(0)
  })
})
