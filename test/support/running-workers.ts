import { Client, Connection } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime, type WorkflowBundleOption } from '@temporalio/worker'
import type { ActivityDependencies } from '../../activities/dependencies.ts'
import { createWorkers } from '../../worker/workers.ts'
import { workflowBundle } from './stack.ts'

export interface RunningWorkers {
  client: Client
  stop(): Promise<void>
}

/** The product's own workers, in this process, on a real server. */
export async function startWorkers(
  server: { address: string; namespace: string },
  activities: ActivityDependencies,
  {
    buildId,
    bundle = workflowBundle(),
  }: {
    /** The release that they are of; unset means that releases are not told apart. */
    buildId?: string
    /** That of the run of tests, when left out. */
    bundle?: WorkflowBundleOption
  } = {},
): Promise<RunningWorkers> {
  const { address, namespace } = server
  installRuntime()
  const [native, connection] = await Promise.all([
    NativeConnection.connect({ address }),
    Connection.connect({ address }),
  ])
  const workers = await createWorkers({
    connection: native,
    namespace,
    workflowBundle: bundle,
    activities,
    buildId,
    stripeActivitiesPerSecond: undefined,
    databasePoolSize: 5,
  })
  const running = Promise.all(workers.map((worker) => worker.run()))
  return {
    client: new Client({ connection, namespace }),
    async stop() {
      for (const worker of workers) worker.shutdown()
      await running
      await Promise.all([native.close(), connection.close()])
    },
  }
}

let isInstalled = false
/** Once per process, however many workers it runs. */
export function installRuntime(): void {
  if (isInstalled) return
  isInstalled = true
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
  })
}
