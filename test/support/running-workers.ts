import { Client, Connection } from '@temporalio/client'
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker'
import type { ActivityDependencies } from '../../activities/dependencies.ts'
import { bundleWorkflows } from '../../worker/bundle.ts'
import { createWorkers } from '../../worker/workers.ts'

export interface RunningWorkers {
  client: Client
  stop(): Promise<void>
}

/** The product's own workers, in this process, on a real server. */
export async function startWorkers(
  server: { address: string; namespace: string },
  activities: ActivityDependencies,
  /** The release that they are of; unset means that releases are not told apart. */
  buildId?: string,
): Promise<RunningWorkers> {
  const { address, namespace } = server
  installRuntime()
  const [native, connection, workflowBundle] = await Promise.all([
    NativeConnection.connect({ address }),
    Connection.connect({ address }),
    bundleWorkflows(new DefaultLogger('ERROR')),
  ])
  const workers = await createWorkers({
    connection: native,
    namespace,
    workflowBundle,
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
function installRuntime(): void {
  if (isInstalled) return
  isInstalled = true
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
  })
}
