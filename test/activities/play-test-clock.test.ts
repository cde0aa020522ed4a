import { MockActivityEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createOpenTestClock, createPlayTestClock } from '../../activities/test-clocks.ts'
import { inProject } from '../../db/client.ts'
import { mintId } from '../../db/mint-id.ts'
import { insertTestClock, reportDeadline } from '../../db/test-clocks.ts'
import { eventually } from '../support/eventually.ts'
import { createScriptedProvider } from '../support/scripted-provider.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'

let seeded: Seeded
beforeAll(async () => {
  seeded = await openDatabase()
})
afterAll(() => seeded.close())

it('shows as its heartbeat where the clock stands and which workflow it waits for', async () => {
  const projectId = await seedProject(seeded)
  const clockId = mintId('clk')
  const [start, due] = ['2027-01-10T12:00:00.000Z', '2027-01-11T12:00:00.000Z'].map((at) => new Date(at))
  if (!start || !due) throw new Error('two times are written above')
  const inTenant = <Result>(work: Parameters<typeof inProject<Result>>[2]) =>
    inProject(seeded.connections.application, projectId, work)
  const settledAt = (at: Date, nextAt: Date) =>
    inTenant((transaction) =>
      reportDeadline(transaction, { projectId, clockId, workflowId: 'dunning/in_1', nextAt, settledAt: at }),
    )
  await inTenant((transaction) =>
    insertTestClock(transaction, {
      projectId,
      clockId,
      correlationId: 'test',
      frozenTime: start,
      targetTime: start,
      status: 'ready',
    }),
  )
  await settledAt(start, due)
  const dependencies = {
    database: seeded.connections.application,
    provider: createScriptedProvider().provider,
    now: () => new Date(),
    ticker: { tick: async () => true },
  }
  await createOpenTestClock(dependencies)({ projectId, clockId })

  const shown: unknown[] = []
  const environment = new MockActivityEnvironment()
  environment.on('heartbeat', (details: unknown) => shown.push(details))
  const goal = { projectId, clockId, targetTime: due.getTime(), since: Date.now() }
  const played = environment.run(createPlayTestClock(dependencies), goal)
  await eventually('it waits', () => shown.some((one) => JSON.stringify(one).includes('dunning/in_1')))
  expect(shown.at(-1)).toEqual({ at: due.toISOString(), waitingFor: ['dunning/in_1'] })
  await settledAt(due, new Date(due.getTime() + 86_400_000))
  expect(await played).toEqual({ frozenTime: due.getTime(), settled: true })
})
