import type { WorkflowExecutionInfo } from '@temporalio/client'
import { state } from '../../workflows/messages.ts'
import { atMost } from './at-most.ts'
import type { Product } from './product.ts'

/** `WorkflowTaskFailedCause`: the server's own races, after which it simply gives the task again. */
const harmlessCauses = new Set([
  1, // UNHANDLED_COMMAND: a message came while the task was worked on.
  13, // RESET_STICKY_TASK_QUEUE
  17, // FORCE_CLOSE_COMMAND
  18, // FAILOVER_CLOSE_COMMAND
  20, // RESET_WORKFLOW: somebody has reset it.
  // BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE: a worker that was frozen for longer than its task may take answers an update a second
  // time (temporalio/sdk-rust#888). The server refuses that answer, and the task is given again.
  30,
  31, // UNHANDLED_UPDATE
])

/** No workflow may fail or ever stumble over its own code, and each that runs must wait for something until a date that is to
 *  come by the clock of its customer.
 *  @returns a sentence for each that does not. */
export async function flawsOfWorkflows(product: Product, terminated: string[] = []): Promise<string[]> {
  const [workflows, timeOf] = await Promise.all([listWorkflows(product), readClocks(product)])
  const flaws = await atMost(16, workflows, async (workflow) => [
    ...flawsOfEnd(workflow, terminated),
    ...(await failedTasks(product, workflow)),
    ...(workflow.status.name === 'RUNNING' ? await flawsOfWaiting(product, workflow.workflowId, timeOf) : []),
  ])
  return flaws.flat()
}

export async function listWorkflows({ temporal }: Product, query = ''): Promise<WorkflowExecutionInfo[]> {
  const found: WorkflowExecutionInfo[] = []
  for await (const workflow of temporal.workflow.list({ query })) found.push(workflow)
  return found
}

function flawsOfEnd({ workflowId, status }: WorkflowExecutionInfo, terminated: string[]): string[] {
  const isGood = ['RUNNING', 'COMPLETED', 'CONTINUED_AS_NEW'].includes(status.name)
  const isWanted = status.name === 'TERMINATED' && terminated.includes(workflowId)
  return isGood || isWanted ? [] : [`${workflowId} is ${status.name}`]
}

/** The time that a task may run is measured by the wall: a worker that is frozen in its middle finds it over. The task is given
 *  again. Whoever runs for ever never comes to rest, which is found as well. */
const ranOutOfTime = (message: string) => message.startsWith('Script execution timed out')

async function failedTasks(
  { temporal }: Product,
  { workflowId, runId }: WorkflowExecutionInfo,
): Promise<string[]> {
  const { events } = await temporal.workflow.getHandle(workflowId, runId).fetchHistory()
  return (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
    failed && !harmlessCauses.has(failed.cause ?? 0) && !ranOutOfTime(failed.failure?.message ?? '')
      ? [`a task of ${workflowId} failed with cause ${failed.cause}: ${failed.failure?.message}`]
      : [],
  )
}

/** What time it is for a workflow: on its test clock, where it hangs on one. */
type TimeOf = (workflowId: string) => number

async function readClocks({ sql }: Product): Promise<TimeOf> {
  const rows = await sql<{ id: string; now: Date }[]>`
    select workflow_id as id, frozen_time as now from clock_deadlines join test_clocks using (project_id, clock_id)`
  const clocks = new Map<string, number>(rows.map(({ id, now }) => [id, now.getTime()]))
  return (workflowId) => clocks.get(workflowId) ?? Date.now()
}

async function flawsOfWaiting({ temporal }: Product, workflowId: string, timeOf: TimeOf): Promise<string[]> {
  const handle = temporal.workflow.getHandle(workflowId)
  const { raw, status } = await handle.describe()
  if ((raw.pendingActivities ?? []).length > 0 || raw.pendingWorkflowTask) return [`${workflowId} is at work`]
  if (status.name !== 'RUNNING') return []
  const { attention, until, waitingFor } = await handle.query(state)
  if (attention !== undefined) return [`${workflowId} waits for a person: ${attention}`]
  const waitsForDate = Date.parse(until ?? '') > timeOf(workflowId)
  return waitsForDate
    ? []
    : [`${workflowId} waits for ${waitingFor} without a date that is to come: ${until}`]
}
