import { describe, expect, it } from 'vitest'
import { deriveId } from '../../db/mint-id.ts'
import { BillingError } from '../../domain/errors.ts'
import { topUpStart, walletExpiryStart } from '../../inbox/starts.ts'
import { retry, skip, state, walletChanged } from '../../workflows/messages.ts'
import { soon, useTimeSkipping } from './environment.ts'

const stage = useTimeSkipping()
const DAY = 24 * 60 * 60 * 1000
const projectId = deriveId('prj', 'workflow test')

let counter = 0
const newStart = () => {
  counter += 1
  const customerId = deriveId('cst', 'wallet', String(counter))
  return walletExpiryStart({ projectId, customerId, userId: 'user-1', clockId: null })
}
const newTopUp = () => {
  counter += 1
  const paymentId = deriveId('pay', 'top-up', String(counter))
  return topUpStart({ projectId, paymentId, userId: 'user-1', correlationId: 'corr-1' })
}

describe('walletExpiry', () => {
  it('looks when the next lot expires, again until nothing can expire, and ends', async () => {
    const startedAt = await stage.environment.currentTimeMs()
    const expiries = [startedAt + DAY, startedAt + 3 * DAY]
    const looks: number[] = []
    await stage.play(
      {
        async watchWallet() {
          const at = await stage.environment.currentTimeMs()
          looks.push(Math.round((at - startedAt) / DAY))
          const next = expiries.find((expiry) => expiry > at)
          return next === undefined ? {} : { nextExpiry: next }
        },
      },
      (client) => client.workflow.execute('walletExpiry', newStart()),
    )
    expect(looks).toEqual([0, 1, 3])
  })

  it('is woken by a lot that expires sooner', async () => {
    const startedAt = await stage.environment.currentTimeMs()
    let expiries = [startedAt + 30 * DAY]
    const looks: number[] = []
    await stage.play(
      {
        async watchWallet() {
          const at = await stage.environment.currentTimeMs()
          looks.push(Math.round((at - startedAt) / DAY))
          const next = expiries.find((expiry) => expiry > at)
          return next === undefined ? {} : { nextExpiry: next }
        },
      },
      async (client) => {
        const handle = await client.workflow.start('walletExpiry', newStart())
        await soon(async () => (await handle.query(state)).until).toBe(
          new Date(startedAt + 30 * DAY).toISOString(),
        )
        expiries = [startedAt + 2 * DAY, startedAt + 30 * DAY]
        await handle.signal(walletChanged)
        await handle.result()
      },
    )
    expect(looks).toEqual([0, 0, 2, 30])
  })

  it('asks again a little later when the clock of the database is behind', async () => {
    const startedAt = await stage.environment.currentTimeMs()
    let looks = 0
    await stage.play(
      {
        async watchWallet() {
          looks += 1
          return looks < 4 ? { nextExpiry: startedAt } : {}
        },
      },
      (client) => client.workflow.execute('walletExpiry', newStart()),
    )
    expect(looks).toBe(4)
    expect((await stage.environment.currentTimeMs()) - startedAt).toBeGreaterThanOrEqual(3_000)
  })
})

describe('topUp', () => {
  it('charges and ends as the charge does', async () => {
    const status = await stage.play({ chargeTopUp: async () => 'declined' as const }, (client) =>
      client.workflow.execute('topUp', newTopUp()),
    )
    expect(status).toBe('declined')
  })

  it('tries on while Stripe is away', async () => {
    let tries = 0
    const status = await stage.play(
      {
        async chargeTopUp() {
          tries += 1
          if (tries < 5) throw new BillingError('provider_unavailable')
          return 'succeeded'
        },
      },
      (client) => client.workflow.execute('topUp', newTopUp()),
    )
    expect({ status, tries }).toEqual({ status: 'succeeded', tries: 5 })
  })

  it.each([
    [retry, 'succeeded'],
    [skip, 'skipped'],
  ] as const)('waits for a person when it is refused for good: %o ends it as %s', async (decision, end) => {
    let tries = 0
    await stage.play(
      {
        async chargeTopUp() {
          tries += 1
          if (tries === 1) throw new BillingError('provider_object_missing')
          return 'succeeded'
        },
        skipTopUp: async () => 'skipped' as const,
        recordOperatorAction: async () => true,
      },
      async (client) => {
        const handle = await client.workflow.start('topUp', newTopUp())
        await soon(async () => (await handle.query(state)).attention).toBe('provider_object_missing')
        await handle.executeUpdate(decision, { args: [{ reason: 'looked at it', by: 'op_1' }] })
        expect(await handle.result()).toBe(end)
      },
    )
  })
})
