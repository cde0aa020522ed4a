import type { WorkflowHandle } from '@temporalio/client'
import { deriveId } from '../../db/mint-id.ts'
import { eventually } from '../../test/support/eventually.ts'
import type { PlayedActivities } from '../../test/support/played-activities.ts'
import { clockTicked, retry, skip, state, stripeChanged } from '../../workflows/messages.ts'
import { OPENED_AT } from '../history-world.ts'

/** What most stories tell of. */

/** A run whose history is kept, and the name it is kept under. */
export interface RecordedRun {
  name: string
  workflowId: string
  /** The last one, when left out. */
  runId?: string
}

export const wake = (handle: WorkflowHandle, eventId: string) =>
  handle.signal(stripeChanged, { eventId, objectId: 'recorded' })

export const parked = (handle: WorkflowHandle) =>
  eventually('the workflow has parked', async () => (await handle.query(state)).attention)

/** As an operator and as an integrator says it. */
export const request = { reason: 'seen at Stripe', by: 'ana' }
export const operatorRetries = (handle: WorkflowHandle) => handle.executeUpdate(retry, { args: [request] })
export const operatorSkips = (handle: WorkflowHandle) => handle.executeUpdate(skip, { args: [request] })

/** Waits until nothing is left to do but to wait. */
export const rested = (handle: WorkflowHandle) =>
  eventually('the workflow rests', async () => (await isIdle(handle)) && (await handle.query(state)).until)

export const hasStatus = (handle: WorkflowHandle, status: string) =>
  eventually(
    `it is ${status}`,
    async () => (await isIdle(handle)) && (await handle.query(state)).status === status,
  )

async function isIdle(handle: WorkflowHandle): Promise<boolean> {
  const { raw } = await handle.describe()
  return (raw.pendingActivities ?? []).length === 0 && !raw.pendingWorkflowTask
}

/** More than the server lets one run hear: see the limit in `record-histories.ts`. */
const HINTS = 100

/** Tells it so much, one after the other, that it goes on as a new run. */
export async function toldMuch(
  name: string,
  handle: WorkflowHandle,
  tell: (number: number) => Promise<void> = (number) => wake(handle, `evt_${number}`),
): Promise<RecordedRun[]> {
  for (let number = 1; number <= HINTS && !(await runBefore(handle)); number += 1) {
    await tell(number)
    await rested(handle)
  }
  return handedOver(name, handle)
}

/** Waits until a new run has taken over, and ends that one: what is kept is the run before. */
export async function handedOver(name: string, handle: WorkflowHandle): Promise<RecordedRun[]> {
  const { client, workflowId } = handle
  const runId = await eventually('the next run', () => runBefore(handle))
  // One that hands over again in this moment is ended at the next try.
  await eventually('the end', async () => Boolean(await client.getHandle(workflowId).terminate()))
  return [{ name, workflowId, runId }]
}

/** The first run, once another has taken over. */
async function runBefore({ client, workflowId }: WorkflowHandle): Promise<string | undefined> {
  const { raw, runId } = await client.getHandle(workflowId).describe()
  const first = raw.workflowExecutionInfo?.firstRunId ?? runId
  return first === runId ? undefined : first
}

/** A test clock of the story's own: time stands still on it until the story has it pass. */
export function storyClock(name: string) {
  let now = OPENED_AT
  return {
    clockId: deriveId('clk', 'recorded', name),
    now: () => now,
    played: {
      reportClockDeadline: async () => now,
      forgetClockDeadline: async () => {},
    } satisfies PlayedActivities,
    async pass(length_ms: number, handle: WorkflowHandle): Promise<void> {
      now += length_ms
      await handle.signal(clockTicked, { now })
    },
  }
}
export type StoryClock = ReturnType<typeof storyClock>
