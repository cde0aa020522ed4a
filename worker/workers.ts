import {
  type NativeConnection,
  Worker,
  type WorkerOptions,
  type WorkflowBundleOption,
} from '@temporalio/worker'
import type { ActivityDependencies } from '../activities/dependencies.ts'
import { createRecordActivities, createStripeActivities } from '../activities/index.ts'
import { STRIPE_TASK_QUEUE, TASK_QUEUE } from '../workflows/ids.ts'
import { activityInterceptors } from './interceptors.ts'

export interface WorkersInput {
  connection: NativeConnection
  namespace: string
  workflowBundle: WorkflowBundleOption
  activities: ActivityDependencies
  /** Over all workers of the installation; unset means no limit. */
  stripeActivitiesPerSecond: number | undefined
  /** Connections to Postgres of each role: activities beyond them would wait in line and look dead. */
  databasePoolSize: number
}

/** The two workers of a process: one runs workflows and writes to Postgres, one calls Stripe under its rate limit. */
export async function createWorkers(input: WorkersInput): Promise<Worker[]> {
  const { connection, namespace, databasePoolSize } = input
  const shared = {
    connection,
    namespace,
    interceptors: { activity: [activityInterceptors] },
    // Long enough for an activity to end by itself, short enough for a deployment.
    shutdownGraceTime: '10 seconds',
  } satisfies Partial<WorkerOptions>
  return Promise.all([
    Worker.create({
      ...shared,
      taskQueue: TASK_QUEUE,
      workflowBundle: input.workflowBundle,
      activities: createRecordActivities(input.activities),
      maxConcurrentLocalActivityExecutions: databasePoolSize,
      maxConcurrentActivityTaskExecutions: databasePoolSize,
      maxConcurrentWorkflowTaskExecutions: 40,
      maxCachedWorkflows: 600,
    }),
    Worker.create({
      ...shared,
      taskQueue: STRIPE_TASK_QUEUE,
      activities: createStripeActivities(input.activities),
      maxConcurrentActivityTaskExecutions: databasePoolSize * 4,
      ...(input.stripeActivitiesPerSecond !== undefined && {
        maxTaskQueueActivitiesPerSecond: input.stripeActivitiesPerSecond,
      }),
    }),
  ])
}
