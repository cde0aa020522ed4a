import { WithStartWorkflowOperation } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { catalogStart } from '../../inbox/starts.ts'
import { catalogPublished, retry, skip, state } from '../../workflows/messages.ts'
import { type PlayedActivities, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()
let counter = 0

function newCatalog() {
  counter += 1
  const start = catalogStart(deriveId('prj', 'catalog test', String(counter)))
  return async () => {
    const operation = new WithStartWorkflowOperation('catalog', start)
    // Accepted first: the test server takes no other update while one is waited for to its end.
    const update = await stage.environment.client.workflow.startUpdateWithStart(catalogPublished, {
      startWorkflowOperation: operation,
      waitForStage: 'ACCEPTED',
    })
    return { published: () => update.result(), handle: await operation.workflowHandle() }
  }
}

describe('catalog', () => {
  it('tells whoever waits when every price is at Stripe, and ends', async () => {
    let runs = 0
    const begin = newCatalog()
    const played: PlayedActivities = { publishCatalog: async () => ({ published: (runs += 1) }) }
    await stage.play(played, async () => {
      const { published, handle } = await begin()
      await published()
      await handle.result()
      expect(await handle.query(state)).toMatchObject({ status: 'published', waitingFor: 'nothing' })
    })
    expect(runs).toBe(1)
  })

  it('waits out a provider that cannot be reached', async () => {
    let tries = 0
    const begin = newCatalog()
    const played: PlayedActivities = {
      publishCatalog: async () => {
        tries += 1
        if (tries < 4) throw new BillingError('provider_unavailable')
        return { published: 1 }
      },
    }
    await stage.play(played, async () => {
      await (await begin()).published()
    })
    expect(tries).toBe(4)
  })

  it.each([
    ['retry', retry, 2],
    ['skip', skip, 1],
  ] as const)('parks on a price that Stripe refuses, and goes on by %s', async (action, update, runs) => {
    let tries = 0
    const acts: string[] = []
    const begin = newCatalog()
    const played: PlayedActivities = {
      publishCatalog: async () => {
        tries += 1
        if (tries === 1) throw new BillingError('provider_refused')
        return { published: 1 }
      },
      recordOperatorAction: async (act) => {
        acts.push(act.action)
        return true
      },
    }
    await stage.play(played, async () => {
      const { published, handle } = await begin()
      await expect
        .poll(() => handle.query(state))
        .toMatchObject({
          status: 'publishing',
          attention: 'provider_refused',
        })
      await handle.executeUpdate(update, { args: [{ reason: 'the currency is allowed now', by: 'ana' }] })
      await published()
      await handle.result()
    })
    expect([tries, acts]).toEqual([runs, [action]])
  })
})
