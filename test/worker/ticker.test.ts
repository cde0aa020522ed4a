import { type Client, ServiceError } from '@temporalio/client'
import { WorkflowNotFoundError } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import { createTicker } from '../../worker/ticker.ts'

/** A client whose signals end like this. */
const clientThat = (signal: () => Promise<void>) =>
  ({
    withDeadline: (_: number, call: () => Promise<void>) => call(),
    workflow: { getHandle: () => ({ signal }) },
  }) as unknown as Client

describe('a tick of a test clock', () => {
  it('is told to a workflow that runs', async () => {
    expect(await createTicker(clientThat(async () => {})).tick('subscription/1', 0)).toBe(true)
  })

  it('is not told to one that does not', async () => {
    const notFound = new WorkflowNotFoundError('not found', 'subscription/1', undefined)
    expect(await createTicker(clientThat(() => Promise.reject(notFound))).tick('subscription/1', 0)).toBe(
      false,
    )
  })

  it('is tried again, and no defect, when Temporal does not answer in time', async () => {
    const late = Object.assign(new Error('4 DEADLINE_EXCEEDED'), { code: 4, details: 'late', metadata: {} })
    const failed = new ServiceError('Failed to signal Workflow', { cause: late })
    await expect(
      createTicker(clientThat(() => Promise.reject(failed))).tick('subscription/1', 0),
    ).rejects.toMatchObject({ code: 'orchestrator_unavailable', retryable: true })
  })
})
