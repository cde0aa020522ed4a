import { randomUUID } from 'node:crypto'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { DefaultLogger, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker'
import { afterAll, beforeAll } from 'vitest'
import { toFailure } from '../../activities/failures.ts'
import type { RecordActivities, StripeActivities } from '../../activities/index.ts'
import { bundleWorkflows } from '../../worker/bundle.ts'
import { STRIPE_TASK_QUEUE, TASK_QUEUE } from '../../workflows/ids.ts'
import { searchAttributes } from '../../workflows/search-attributes.ts'
import { createTimeSkippingEnvironment } from '../support/time-skipping.ts'

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2

/** What the workflows of a test may do: each activity as the test plays it. */
export type PlayedActivities = Partial<StripeActivities & RecordActivities>

/** A time-skipping server for the tests of one file: days pass in milliseconds while nothing but timers is left. */
export function useTimeSkipping() {
  let environment: TestWorkflowEnvironment | undefined
  let bundle: WorkflowBundleWithSourceMap | undefined

  beforeAll(async () => {
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
    })
    ;[environment, bundle] = await Promise.all([
      createTimeSkippingEnvironment(),
      bundleWorkflows(new DefaultLogger('ERROR')),
    ])
    // This server knows how to add them, not how to list them, so what setup does for a real one fails here.
    await environment.connection.operatorService.addSearchAttributes({
      namespace: environment.namespace ?? 'default',
      searchAttributes: Object.fromEntries(
        Object.values(searchAttributes).map(({ name }) => [name, KEYWORD]),
      ),
    })
  })
  afterAll(() => environment?.teardown())

  return {
    get environment(): TestWorkflowEnvironment {
      if (!environment) throw new Error('the time-skipping server has not started')
      return environment
    },
    /** Runs the story of a test with workers that play these activities. */
    async play<Result>(
      activities: PlayedActivities,
      story: (client: TestWorkflowEnvironment['client']) => Promise<Result>,
    ) {
      if (!environment || !bundle) throw new Error('the time-skipping server has not started')
      const translated = Object.fromEntries(
        Object.entries(activities).map(([name, activity]) => [name, translateErrors(activity)]),
      )
      const shared = {
        connection: environment.nativeConnection,
        activities: translated,
        maxHeartbeatThrottleInterval: 100,
      }
      const identity = randomUUID()
      const workflows = await Worker.create({
        ...shared,
        identity,
        taskQueue: TASK_QUEUE,
        workflowBundle: bundle,
      })
      const stripe = await Worker.create({
        ...shared,
        identity: `${identity}-stripe`,
        taskQueue: STRIPE_TASK_QUEUE,
      })
      const { client } = environment
      return stripe.runUntil(workflows.runUntil(() => story(client)))
    },
  }
}

/** As the interceptor of the real worker does. */
function translateErrors(activity: unknown) {
  return async (...parameters: unknown[]) => {
    try {
      return await (activity as (...parameters: unknown[]) => unknown)(...parameters)
    } catch (error) {
      throw toFailure(error)
    }
  }
}
