import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject, type Transaction } from '../../db/client.ts'
import { lockCustomer } from '../../db/customers.ts'
import { mintId } from '../../db/mint-id.ts'
import { appendEvents } from '../../db/outbox.ts'
import { customers } from '../../db/schema/index.ts'
import { holdKnownWallet, holdWallet, updateWallet } from '../../db/wallets.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { openDatabase, seedPayment, seedProject, type Seeded } from '../support/seed.ts'

let database: Seeded

beforeAll(async () => {
  database = await openDatabase()
})
afterAll(() => database.close())

/** Tells something of the user, which holds the user's place in the outbox. */
function tell(transaction: Transaction, projectId: ProjectId, intent: string) {
  const fact = { projectId, userId: 'user-1', correlationId: 'c', intent, occurredAt: new Date(0) }
  const data = { user_id: 'user-1', role: 'pro', roles: ['pro'], subscription_id: mintId('sbs') }
  return appendEvents(transaction, fact, [{ type: 'entitlement.role_granted', subject: 'user-1', data }])
}

function createGate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

describe('the lock of a customer', () => {
  it('does not stand in the way of the same user’s wallet, which has told of something already', async () => {
    const projectId = await seedProject(database)
    await seedPayment(database, projectId)
    const { application } = database.connections
    const [customer] = await inProject(application, projectId, (transaction) =>
      transaction.select().from(customers),
    )
    if (!customer) throw new Error('no customer')
    await inProject(application, projectId, (transaction) => holdWallet(transaction, customer))
    const told = createGate()
    const locked = createGate()

    const lookAtWallet = inProject(application, projectId, async (transaction) => {
      const { wallet } = await holdKnownWallet(transaction, customer)
      await updateWallet(transaction, wallet, { balance: 0 })
      await tell(transaction, projectId, 'wallet/1')
      told.open()
      await locked.opened
      await updateWallet(transaction, wallet, { expiryDueAt: null })
    })
    const workOutRoles = inProject(application, projectId, async (transaction) => {
      await told.opened
      await lockCustomer(transaction, projectId, customer.customerId)
      locked.open()
      await tell(transaction, projectId, 'roles/1')
    })

    const ends = await Promise.allSettled([lookAtWallet, workOutRoles])
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  })

  it('is held by one at a time', async () => {
    const projectId = await seedProject(database)
    const { customerId } = await seedPayment(database, projectId)
    const { application } = database.connections
    const order: string[] = []
    const hold = (name: string) =>
      inProject(application, projectId, async (transaction) => {
        await lockCustomer(transaction, projectId, customerId)
        order.push(`${name} comes`)
        await sleep(50)
        order.push(`${name} goes`)
      })
    await Promise.all([hold('one'), hold('other')])
    const [first, second] = order[0] === 'one comes' ? ['one', 'other'] : ['other', 'one']
    expect(order).toEqual([`${first} comes`, `${first} goes`, `${second} comes`, `${second} goes`])
  })
})
