import { Client } from '@temporalio/client'
import type { WorkflowHandle } from '@temporalio/client'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { STRIPE_TASK_QUEUE, TASK_QUEUE } from '../../workflows/ids.ts'
import { searchAttributes } from '../../workflows/search-attributes.ts'
import { createPlayedActivities, type PlayedActivities } from '../support/played-activities.ts'
import { workflowBundle } from '../support/stack.ts'
import { startTimeSkipping, type TimeSkipping } from '../support/time-skipping.ts'

export { following, type PlayedActivities } from '../support/played-activities.ts'

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2

/** A time-skipping server for the tests of one file, with workers that play what the running test says: days pass in
 *  milliseconds while nothing but timers is left. */
export function useTimeSkipping() {
  let server: TimeSkipping | undefined
  let workers: Worker[] = []
  let running: Promise<unknown> = Promise.resolve()
  const activities = createPlayedActivities()
  vi.setConfig({ testTimeout: 60_000 })

  beforeAll(async () => {
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
    })
    server = await startTimeSkipping()
    const { environment } = server
    // This server knows how to add them, not how to list them, so what setup does for a real one fails here.
    await environment.connection.operatorService.addSearchAttributes({
      namespace: environment.namespace ?? 'default',
      searchAttributes: Object.fromEntries(
        Object.values(searchAttributes).map(({ name }) => [name, KEYWORD]),
      ),
    })
    const shared = {
      connection: environment.nativeConnection,
      activities: activities.all,
      maxHeartbeatThrottleInterval: 100,
      shutdownForceTime: '30 seconds',
    } as const
    workers = await Promise.all([
      Worker.create({ ...shared, taskQueue: TASK_QUEUE, workflowBundle: workflowBundle() }),
      Worker.create({ ...shared, taskQueue: STRIPE_TASK_QUEUE }),
    ])
    running = Promise.all(workers.map((worker) => worker.run()))
  })
  afterAll(async () => {
    for (const worker of workers) worker.shutdown()
    try {
      await running
    } finally {
      await server?.stop()
    }
  })

  return {
    get environment(): TestWorkflowEnvironment {
      if (!server) throw new Error('the time-skipping server has not started')
      return server.environment
    },
    /** A client that never moves the time: waiting for the result of what has ended would let the other one skip to whatever
     *  timer is left on the server. */
    get client(): Client {
      const { connection, namespace = 'default' } = this.environment
      return new Client({ connection, namespace })
    },
    /** Runs the story of a test while the workers play these activities. */
    async play<Result>(
      played: PlayedActivities,
      story: (client: TestWorkflowEnvironment['client']) => Promise<Result>,
    ): Promise<Result> {
      activities.play(played)
      return story(this.environment.client)
    },
  }
}

/** What will be so within moments: workflows answer when they get to it, on a busy machine later. */
export const soon = <Answer>(ask: () => Answer | Promise<Answer>) => expect.poll(ask, { timeout: 15_000 })

/** The tab *User Metadata* of Temporal UI, as operators read it. */
export const detailsOf = async (handle: WorkflowHandle): Promise<string> =>
  (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails
