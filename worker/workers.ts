import {
  type NativeConnection,
  Worker,
  type WorkerOptions,
  type WorkflowBundleOption,
} from '@temporalio/worker'
import type { ActivityDependencies } from '../activities/dependencies.ts'
import { createRecordActivities, createStripeActivities } from '../activities/index.ts'
import type { ReconcileDependencies } from '../activities/reconcile/dependencies.ts'
import { createReconcileActivities } from '../activities/reconcile/index.ts'
import { STRIPE_TASK_QUEUE, TASK_QUEUE } from '../workflows/ids.ts'
import { activityInterceptors } from './interceptors.ts'

export interface WorkersInput {
  connection: NativeConnection
  namespace: string
  workflowBundle: WorkflowBundleOption
  activities: ActivityDependencies
  /** Left out where nothing is to be compared. */
  reconciliation?: ReconcileDependencies
  /** Over all workers of the installation; unset means no limit. */
  stripeActivitiesPerSecond: number | undefined
  /** The release that these workers run, where releases are told apart. */
  buildId: string | undefined
  /** Connections to Postgres of each role: activities beyond them would wait in line and look dead. */
  databasePoolSize: number
}

/** What Temporal calls the workers of all releases together. */
export const DEPLOYMENT_NAME = 'quittance'

/** The two workers of a process: one runs workflows and writes to Postgres, one calls Stripe under its rate limit. */
export async function createWorkers(input: WorkersInput): Promise<Worker[]> {
  const { connection, namespace, databasePoolSize } = input
  const shared = {
    connection,
    namespace,
    interceptors: { activity: [activityInterceptors] },
    // Long enough for an activity to end by itself, short enough for a deployment.
    shutdownGraceTime: '10 seconds',
    ...(input.buildId !== undefined && {
      workerDeploymentOptions: {
        useWorkerVersioning: true,
        version: { deploymentName: DEPLOYMENT_NAME, buildId: input.buildId },
        // Each workflow says for itself, in `workflows/`, whether it stays with the release that began it.
        defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
      },
    }),
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
      activities: {
        ...createStripeActivities(input.activities),
        ...(input.reconciliation && createReconcileActivities(input.reconciliation)),
      },
      maxConcurrentActivityTaskExecutions: databasePoolSize * 4,
      ...(input.stripeActivitiesPerSecond !== undefined && {
        maxTaskQueueActivitiesPerSecond: input.stripeActivitiesPerSecond,
      }),
    }),
  ])
}
