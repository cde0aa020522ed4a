import { describe, expect, it } from 'vitest'
import type { ReconcileProgress } from '../../activities/reconcile/index.ts'
import { BillingError } from '../../domain/errors.ts'
import { reconcileStart } from '../../inbox/starts.ts'
import { retry, skip, state } from '../../workflows/messages.ts'
import { type PlayedActivities, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()

const running: ReconcileProgress = {
  status: 'running',
  stage: 'charges',
  cursor: 'ch_1',
  compared: 100,
  differences: 1,
  needPerson: 0,
}
const ended: ReconcileProgress = {
  ...running,
  status: 'completed',
  stage: 'balance',
  cursor: null,
  compared: 250,
}

let counter = 0
function begin() {
  counter += 1
  const { workflowId, ...options } = reconcileStart(`rec_${counter}`, 'op_first')
  return stage.environment.client.workflow.start('reconcile', { workflowId, ...options })
}

/** Answers of one step after the other. */
function playing(answers: (ReconcileProgress | Error)[]): PlayedActivities & { asked: string[] } {
  const asked: string[] = []
  const left = [...answers]
  return {
    asked,
    beginReconciling: async ({ reconciliationId }) => reconciliationId,
    reconcileStep: async ({ reconciliationId }) => {
      asked.push(reconciliationId)
      const answer = left.shift() ?? ended
      if (answer instanceof Error) throw answer
      return answer
    },
    recordOperatorAction: async () => true,
  }
}

describe('reconcile', () => {
  it('compares step by step until all is compared', async () => {
    const { asked, ...played } = playing([running, running, ended])
    await stage.play(played, async () => {
      const handle = await begin()
      expect(await handle.result()).toEqual(ended)
      expect(await handle.query(state)).toMatchObject({ status: 'completed', waitingFor: 'nothing' })
    })
    expect(asked).toEqual(Array(3).fill(`rec_${counter}`))
  })

  it('waits out a Stripe that cannot be reached', async () => {
    const gone = new BillingError('provider_unavailable')
    const { asked, ...played } = playing([running, gone, gone, gone, ended])
    await stage.play(played, async () => {
      expect(await (await begin()).result()).toEqual(ended)
    })
    expect(asked.length).toBe(5)
  })

  it('does nothing while another runs', async () => {
    const { asked, ...played } = playing([])
    const busy = { ...played, beginReconciling: async () => 'rec_other' }
    await stage.play(busy, async () => {
      expect(await (await begin()).result()).toBeUndefined()
    })
    expect(asked).toEqual([])
  })

  it.each([
    ['retry', retry, ended],
    ['skip', skip, running],
  ] as const)('parks on what Stripe refuses for good, and goes on by %s', async (_, update, result) => {
    const { asked: _asked, ...played } = playing([running, new BillingError('provider_refused'), ended])
    await stage.play(played, async () => {
      const handle = await begin()
      await expect.poll(() => handle.query(state)).toMatchObject({ attention: 'provider_refused' })
      await handle.executeUpdate(update, { args: [{ reason: 'the key may read balances now', by: 'ana' }] })
      expect(await handle.result()).toEqual(result)
    })
  })
})
