import { type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import type { OperatorAction } from '../../activities/record-operator-action.ts'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { catalogStart } from '../../inbox/starts.ts'
import { type OperatorRequest, retry, skip, state } from '../../workflows/messages.ts'
import { type PlayedActivities, soon, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()
const request = { reason: 'the currency is allowed now', by: 'ana' }
let counter = 0

/** A workflow that has parked, and what was recorded of operators' acts. `refusals` is how often it would park. */
async function parked(story: (handle: WorkflowHandle) => Promise<void>, refusals = 1) {
  counter += 1
  const acts: OperatorAction[] = []
  let tries = 0
  const played: PlayedActivities = {
    publishCatalog: async () => {
      tries += 1
      if (tries <= refusals) throw new BillingError('provider_refused', { detail: 'field currency' })
      return { published: 1 }
    },
    recordOperatorAction: async (act) => {
      acts.push(act)
      return true
    },
  }
  await stage.play(played, async (client) => {
    const start = catalogStart(deriveId('prj', 'desk test', String(counter)))
    const handle = await client.workflow.start('catalog', start)
    await isParked(handle)
    await story(handle)
  })
  return acts
}

const isParked = (handle: WorkflowHandle) =>
  soon(() => handle.query(state)).toMatchObject({ attention: 'provider_refused' })

const refusalOf = async (handle: WorkflowHandle, argument: unknown): Promise<string> => {
  try {
    await handle.executeUpdate(retry, { args: [argument as OperatorRequest] })
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) return error.cause?.message ?? ''
    throw error
  }
  return 'accepted'
}

describe('the operator desk', () => {
  it.each([
    undefined,
    null,
    'restored',
    {},
    { reason: 'restored' },
    { by: 'ana' },
    { reason: '', by: 'ana' },
    { reason: 'restored', by: '  ' },
    { reason: 7, by: 'ana' },
    { reason: { text: 'restored' }, by: ['ana'] },
  ])('refuses an act that does not say who and why: %j', async (argument) => {
    const acts = await parked(async (handle) => {
      expect(await refusalOf(handle, argument)).toBe(
        'Send { "reason": "…", "by": "…" }: both go into the audit.',
      )
      // A refused act leaves no trace in the history, and the workflow where it was.
      const { events } = await handle.fetchHistory()
      expect(events?.some((event) => event.workflowExecutionUpdateAcceptedEventAttributes)).toBe(false)
      await isParked(handle)
      await handle.terminate()
    })
    expect(acts).toEqual([])
  })

  it('refuses an act when it waits for nobody', async () => {
    let answer = (_published: { published: number }): void => {}
    const publishing = new Promise<{ published: number }>((resolve) => {
      answer = resolve
    })
    await stage.play({ publishCatalog: () => publishing }, async (client) => {
      const handle = await client.workflow.start(
        'catalog',
        catalogStart(deriveId('prj', 'desk test', 'busy')),
      )
      expect(await refusalOf(handle, request)).toBe('This workflow is not waiting for an operator.')
      answer({ published: 1 })
      await handle.result()
    })
  })

  it('takes one of two acts that come at once, and tells the other', async () => {
    const acts = await parked(async (handle) => {
      const answers = await Promise.allSettled([
        handle.executeUpdate(retry, { args: [{ ...request, by: 'ana' }] }),
        handle.executeUpdate(skip, { args: [{ ...request, by: 'bea' }] }),
      ])
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      await handle.result()
    })
    // A workflow task may be tried again, and its local activities with it: the intent says it is the same act.
    expect(new Set(acts.map(({ intent }) => intent)).size).toBe(1)
  })

  it('records each act under a name of its own, with what it was about', async () => {
    const acts = await parked(async (handle) => {
      await handle.executeUpdate(retry, { args: [{ reason: 'first try', by: 'ana' }] })
      await isParked(handle)
      await handle.executeUpdate(retry, { args: [{ reason: 'second try', by: 'bea' }], updateId: 'chosen' })
      await handle.result()
    }, 2)
    expect(acts).toMatchObject([
      { action: 'retry', by: 'ana', reason: 'first try', attention: 'provider_refused' },
      {
        action: 'retry',
        by: 'bea',
        reason: 'second try',
        intent: expect.stringMatching(/\/operator\/chosen$/),
      },
    ])
    expect(new Set(acts.map(({ intent }) => intent)).size).toBe(2)
  })
})
