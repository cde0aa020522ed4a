import { Client, Connection } from '@temporalio/client'
import { NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker'
import { STRIPE_TASK_QUEUE, TASK_QUEUE } from '../../workflows/ids.ts'
import { createPlayedActivities } from './played-activities.ts'
import { installRuntime } from './running-workers.ts'

/** Workers on both queues whose activities do what they are told to. */
export async function startPlayedWorkers(
  { address, namespace }: { address: string; namespace: string },
  workflowBundle: WorkflowBundleOption,
) {
  installRuntime()
  const [native, connection] = await Promise.all([
    NativeConnection.connect({ address }),
    Connection.connect({ address }),
  ])
  const { all: activities, play } = createPlayedActivities()
  const shared = { connection: native, namespace, activities }
  const workers = await Promise.all([
    Worker.create({ ...shared, taskQueue: TASK_QUEUE, workflowBundle }),
    Worker.create({ ...shared, taskQueue: STRIPE_TASK_QUEUE }),
  ])
  const running = Promise.all(workers.map((worker) => worker.run()))
  return {
    client: new Client({ connection, namespace }),
    play,
    stop: async (): Promise<void> => {
      for (const worker of workers) worker.shutdown()
      await running
      await Promise.all([native.close(), connection.close()])
    },
  }
}
