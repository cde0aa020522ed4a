import { TestWorkflowEnvironment } from '@temporalio/testing'
import { inject } from 'vitest'
import { accepts, freePorts } from '../../local/ports.ts'
import { Processes } from '../../local/processes.ts'
import { part } from './stack.ts'

export interface TimeSkipping {
  environment: TestWorkflowEnvironment
  stop(): Promise<void>
}

/** A Temporal server whose clock jumps to the next timer. It has one clock for all its workflows, so each test file
 *  has its own.
 *
 *  Started by us, because the SDK gives it five seconds, which a busy machine may not have. That an environment on an
 *  existing server may skip time is known to the SDK, but not to its types. */
export async function startTimeSkipping(): Promise<TimeSkipping> {
  const [port = 0] = await freePorts(1)
  const processes = new Processes(inject('runDirectory'))
  const server = await processes.launch({
    name: `test-server-${port}`,
    command: part('testServer').executable,
    args: [String(port)],
  })
  await processes.untilReady(server, 60_000, () => accepts(port))
  const create = Reflect.get(TestWorkflowEnvironment, 'create') as (options: {
    server: { type: 'existing' }
    address: string
    supportsTimeSkipping: true
  }) => Promise<TestWorkflowEnvironment>
  const environment = await create.call(TestWorkflowEnvironment, {
    server: { type: 'existing' },
    address: `127.0.0.1:${port}`,
    supportsTimeSkipping: true,
  })
  return {
    environment,
    async stop() {
      await environment.teardown()
      await processes.stopAll()
    },
  }
}
