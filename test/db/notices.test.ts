import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject } from '../../db/client.ts'
import { addNotice, claimDueNotices, type Notice } from '../../db/notices.ts'
import { notices } from '../../db/schema/index.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { mintId } from '../../db/mint-id.ts'
import { openDatabase, seedPayment, seedProject, type Seeded } from '../support/seed.ts'

let seeded: Seeded
let mine: ProjectId
let theirs: ProjectId

beforeAll(async () => {
  seeded = await openDatabase()
  mine = await seedProject(seeded)
  theirs = await seedProject(seeded)
})
afterAll(() => seeded.close())

async function noticeOf(projectId: ProjectId, noticeId: string): Promise<Notice> {
  const { customerId } = await seedPayment(seeded, projectId)
  return {
    projectId,
    noticeId,
    customerId,
    livemode: false,
    data: {
      kind: 'payment_recovered',
      user_id: 'user-1',
      subscription_id: mintId('sbs'),
      plan_id: 'pro',
      plan_name: 'Pro',
    },
  }
}
const add = (notice: Notice, as: ProjectId = notice.projectId) =>
  inProject(seeded.connections.application, as, (transaction) => addNotice(transaction, notice))
/** What a broken rule says; drizzle wraps it. */
const causeOf = async (work: Promise<unknown>) => {
  const error = await work.catch((thrown: unknown) => thrown)
  return String(error instanceof Error ? (error.cause ?? error) : error)
}

describe('notices', () => {
  it('are written once by however many tell them at once, and each is claimed by one', async () => {
    const notice = await noticeOf(mine, 'dunning/in_1/failed')
    const added = await Promise.all(Array.from({ length: 5 }, () => add(notice)))
    expect(added.filter(Boolean)).toHaveLength(1)
    await add(await noticeOf(theirs, 'dunning/in_1/failed'))
    const claims = await Promise.all(
      Array.from({ length: 4 }, () => claimDueNotices(seeded.connections.system, { limit: 10, lease_s: 30 })),
    )
    expect(
      claims
        .flat()
        .map(({ projectId }) => projectId)
        .toSorted(),
    ).toEqual([mine, theirs].toSorted())
    expect(claims.flat().find(({ projectId }) => projectId === mine)?.data).toEqual(notice.data)
  })

  it('are seen and written within their project only, and rewritten by nobody', async () => {
    const { application, systemClient } = seeded.connections
    await add(await noticeOf(theirs, 'theirs'))
    const seen = await inProject(application, mine, (transaction) => transaction.select().from(notices))
    expect(seen.filter(({ projectId }) => projectId !== mine)).toEqual([])
    expect(await causeOf(add(await noticeOf(theirs, 'smuggled'), mine))).toMatch(/row-level security/)
    const rewriting = inProject(application, mine, (transaction) =>
      transaction.update(notices).set({ attempts: 9 }),
    )
    expect(await causeOf(rewriting)).toMatch(/permission denied/)
    await expect(systemClient`update notices set data = '{}'`).rejects.toThrow(/permission denied/)
    await expect(systemClient`delete from notices`).rejects.toThrow(/permission denied/)
  })
})
