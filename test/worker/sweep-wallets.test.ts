import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createWatchWallet } from '../../activities/watch-wallet.ts'
import { inProject } from '../../db/client.ts'
import { consumeCredits } from '../../db/consume-credits.ts'
import { type CustomerRow, ensureCustomer } from '../../db/customers.ts'
import { wallets } from '../../db/schema/index.ts'
import { grantCredits } from '../../db/wallet-movements.ts'
import { setWallet } from '../../db/wallet-settings.ts'
import { holdWallet } from '../../db/wallets.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { sweep } from '../../inbox/sweep.ts'
import { topUpWorkflowId, walletExpiryWorkflowId } from '../../workflows/ids.ts'
import { openDatabase, seedProject, type Seeded } from '../support/seed.ts'
import { createNamespace } from '../support/stack.ts'
import { silent } from './fixtures.ts'

let database: Seeded
let temporal: Client
let projectId: ProjectId

beforeAll(async () => {
  database = await openDatabase()
  const { address, namespace } = await createNamespace()
  temporal = new Client({ connection: await Connection.connect({ address }), namespace })
})
afterAll(async () => {
  await temporal.connection.close()
  await database.close()
})
beforeEach(async () => {
  projectId = await seedProject(database)
})

const asked = { actor: 'key_test', correlationId: 'corr-1', why: 'A test' }
const user = () => ({ projectId, userId: 'user-1', livemode: false })
const inWallet = (expiresAt: Date | undefined): Promise<CustomerRow> =>
  inProject(database.connections.application, projectId, async (transaction) => {
    const customer = await ensureCustomer(transaction, { ...user(), email: undefined, clockId: undefined })
    const held = await holdWallet(transaction, customer)
    await grantCredits(held, {
      ...asked,
      grantId: `grant-${String(expiresAt?.getTime())}`,
      kind: 'bonus',
      amount: 1_000,
      expiresAt,
      reason: 'Welcome',
      watchedBy: walletExpiryWorkflowId(customer.customerId),
    })
    return customer
  })
const round = (client = temporal) =>
  sweep({
    system: database.connections.system,
    temporal: client,
    logger: silent,
    dispatcher: { dispatch: async () => 'handled', note: () => {} },
  })
async function signalsOf(workflowId: string): Promise<number | undefined> {
  try {
    const handle = temporal.workflow.getHandle(workflowId)
    await handle.describe()
    const { events } = await handle.fetchHistory()
    return events?.filter(({ workflowExecutionSignaledEventAttributes: it }) => it).length
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined
    throw error
  }
}
const makeDue = () =>
  inProject(database.connections.application, projectId, (transaction) =>
    transaction.update(wallets).set({ expiryDueAt: sql`now() - interval '1 second'` }),
  )
const tomorrow = () => new Date(Date.now() + 86_400_000)

describe('a wallet that got credits which can expire', () => {
  it('is watched by a workflow, which is told until it has looked', async () => {
    const customer = await inWallet(tomorrow())
    const workflowId = walletExpiryWorkflowId(customer.customerId)
    await round()
    expect(await signalsOf(workflowId)).toBe(1)
    // Put off, so not told at once again; but told again while nobody has looked.
    await round()
    expect(await signalsOf(workflowId)).toBe(1)
    await makeDue()
    await round()
    expect(await signalsOf(workflowId)).toBe(2)
    const { nextExpiry } = await createWatchWallet({ database: database.connections.application })(customer)
    const [row] = await inProject(database.connections.application, projectId, (transaction) =>
      transaction.select().from(wallets),
    )
    // From here on the sweep comes only if the workflow is gone when its time has come.
    expect(row?.expiryDueAt?.getTime()).toBe((nextExpiry ?? 0) + 60_000)
    await round()
    expect(await signalsOf(workflowId)).toBe(2)
  })

  it('needs nobody when none of its credits can expire', async () => {
    const { customerId } = await inWallet(undefined)
    await round()
    expect(await signalsOf(walletExpiryWorkflowId(customerId))).toBeUndefined()
  })
})

describe('a top-up', () => {
  it('is started once, and again later when Temporal was away', async () => {
    await inWallet(undefined)
    await inProject(database.connections.application, projectId, async (transaction) => {
      const customer = await ensureCustomer(transaction, { ...user(), email: undefined, clockId: undefined })
      const autoTopUp = { productId: 'credits', threshold: 1_000, maxPerDay: 1 }
      await setWallet(
        await holdWallet(transaction, customer),
        { minimumBalance: 0, lowBalanceThreshold: null, autoTopUp },
        asked,
      )
    })
    await consumeCredits(database.connections.application, {
      ...user(),
      ...asked,
      usageId: 'usage-1',
      amount: 1,
      description: undefined,
    })
    const [wanted] = await database.connections.systemClient<{ payment_id: `pay_${string}` }[]>`
      select payment_id from top_ups where project_id = ${projectId}`
    const workflowId = topUpWorkflowId(wanted?.payment_id as Parameters<typeof topUpWorkflowId>[0])

    const lost = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) })
    expect((await round(lost)).failed).toBe(1)
    await lost.connection.close()
    expect(await signalsOf(workflowId)).toBeUndefined()
    await database.connections.systemClient`update top_ups set start_due_at = now()`
    for (let time = 0; time < 2; time += 1) await round()
    expect((await temporal.workflow.getHandle(workflowId).describe()).status.name).toBe('RUNNING')
  })
})
