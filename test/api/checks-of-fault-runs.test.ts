import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { flawsOfAccess } from '../chaos/flaws-of-access.ts'
import { flawsOfCredits } from '../chaos/flaws-of-credits.ts'
import { flawsOfDunning } from '../chaos/flaws-of-dunning.ts'
import type { PlayedProject } from '../chaos/world.ts'
import { createTestApi, type TestApi } from './support/api.ts'
import { seedTenant, type Tenant } from './support/tenant.ts'

/** A check that finds nothing proves nothing: each is shown what it is there to find. */
let api: TestApi
let tenant: Tenant
let sql: postgres.Sql
let project: PlayedProject

beforeEach(async () => {
  api = await createTestApi()
  tenant = await seedTenant(api, 'ana')
  sql = postgres(api.database.superuserUrl, { max: 1, onnotice: () => {} })
  const { projectId, userId, key, named } = tenant
  const client: PlayedProject['client'] = {
    call: async (method, path, options) => {
      const answer = await api.call(method, path, { key, ...options })
      return { status: answer.status, headers: new Headers(), body: answer.body }
    },
  }
  const user = {
    userId,
    email: '',
    paymentIds: [],
    sessionIds: [],
    canceledAtStripe: [],
    canceledNow: [],
    paidByHand: [],
  }
  project = {
    projectId,
    client,
    operator: client,
    clockId: named.clock_id ?? '',
    now: Date.now(),
    jumps: [],
    users: new Map([[0, { ...user, usages: [] }]]),
  }
  // What the workflows would have done: access is told, and the customer hangs on the clock.
  await sql`update customers set clock_id = ${project.clockId} where project_id = ${projectId}`
  await sql`update test_clocks set frozen_time = now() where project_id = ${projectId}`
})
afterEach(async () => {
  await sql.end()
  await api.close()
})

describe('the check of credits', () => {
  const usage = { usageId: 'call-1', amount: 1_000 }
  const use = (wasDone: boolean) => project.users.get(0)?.usages.push({ ...usage, wasDone })
  const consume = () =>
    project.client.call('POST', `/api/v1/wallets/${tenant.userId}/consume`, {
      body: { amount: usage.amount, usage_id: usage.usageId },
    })

  it('finds nothing in books that agree', async () => {
    await consume()
    use(true)
    expect(await flawsOfCredits({ sql }, [project])).toEqual([])
  })

  it('finds a balance, a lot and a movement that differ', async () => {
    await sql`update wallets set balance = balance + 1`
    expect(await flawsOfCredits({ sql }, [project])).toEqual([
      expect.stringMatching(/^I2: .*does not add up/),
    ])
    await sql`update wallets set balance = balance - 1`
    await sql`update credit_lots set remaining = remaining - 1`
    expect(await flawsOfCredits({ sql }, [project])).toHaveLength(1)
  })

  it('finds a usage that was answered and is not there, and one that was refused and is', async () => {
    use(true)
    expect(await flawsOfCredits({ sql }, [project])).toEqual([expect.stringMatching(/not in the books/)])
    await consume()
    expect(await flawsOfCredits({ sql }, [project])).toEqual([])
    use(false)
    expect(await flawsOfCredits({ sql }, [project])).toEqual([expect.stringMatching(/not in the books/)])
  })

  it('finds a pack that was paid for and has brought nothing', async () => {
    await sql`update payments set type = 'credits', status = 'succeeded'`
    expect(await flawsOfCredits({ sql }, [project])).toEqual([expect.stringMatching(/^I1: the pack/)])
  })
})

describe('the check of dunning', () => {
  const attempt = (fields: { trigger: string; intent: string; days: number; claimed?: string }) => sql`
    insert into dunning_attempts (project_id, invoice_id, ordinal, intent, trigger, started_at, outcome, claimed_at)
    select project_id, invoice_id, 1, ${fields.intent}, ${fields.trigger},
      failed_at + ${fields.days} * interval '1 day', 'declined', now() + ${fields.claimed ?? '0 seconds'}::interval
    from dunning_cases`
  const find = () => flawsOfDunning({ sql }, [project])
  const day = (count: number) => Date.now() + count * 24 * 3_600_000

  it('finds nothing in a case that is open, and none of its retries due', async () => {
    expect(await find()).toEqual([])
  })

  it.each([
    ['before its day', 2, [day(9)]],
    ['after the jump of the clock that reached its day', 4, [day(1), day(3.5), day(9)]],
  ])('finds a retry %s', async (_when, days, jumps) => {
    project.jumps.push(...jumps)
    await attempt({ trigger: 'schedule', intent: 'schedule/1/pm_1', days })
    expect(await find()).toEqual([expect.stringMatching(/was due at/)])
  })

  it('takes a retry within the jump that reached its day', async () => {
    project.jumps.push(day(1), day(9))
    await attempt({ trigger: 'schedule', intent: 'schedule/1/pm_1', days: 4 })
    expect(await find()).toEqual([])
  })

  it('finds a try of any kind after the end, by the clock of the customer and in real time', async () => {
    await sql`update dunning_cases set status = 'recovered', ended_at = failed_at + interval '1 day', next_retry_at = null`
    await attempt({ trigger: 'new_card', intent: 'new_card/pm_2/pm_2', days: 2 })
    expect(await find()).toEqual([expect.stringMatching(/after its end as recovered/)])
    await sql`update dunning_attempts set started_at = started_at - interval '1 day', claimed_at = now() + interval '1 minute'`
    expect(await find()).toEqual([])
    await sql`insert into facts (project_id, intent) select project_id, invoice_id || '/recovered' from dunning_cases`
    expect(await find()).toEqual([expect.stringMatching(/after its end as recovered/)])
  })

  it('finds an outcome that nobody knows, and a retry that was left out', async () => {
    await attempt({ trigger: 'operator', intent: 'operator/1/pm_1', days: 0 })
    await sql`update dunning_attempts set outcome = null`
    await sql`update dunning_cases set next_retry_at = now() - interval '1 day'`
    expect(await find()).toEqual([
      expect.stringMatching(/nobody knows/),
      expect.stringMatching(/was due .* was not done/),
    ])
  })
})

describe('the check of access', () => {
  const find = () => flawsOfAccess({ sql }, [project])
  const tell = (what: 'granted' | 'revoked', days: number) => {
    const type = `com.quittance.entitlement.role_${what}`
    const time = new Date(Date.now() + days * 24 * 3_600_000).toISOString()
    const key = `${tenant.projectId}/${tenant.userId}`
    return sql`
      insert into outbox (project_id, event_id, topic, message_key, shard, position, envelope)
      select ${tenant.projectId}, ${`ev_${what}_${days}`}, 'billing', ${key}, 0, 100 + count(*),
        ${JSON.stringify({ type, time, data: { role: 'pro' } })} from outbox`
  }

  it('finds nothing where rows, answers and events say the same', async () => {
    await tell('granted', -1)
    expect(await find()).toEqual([])
  })

  it('finds access that nobody was told of', async () => {
    expect(await find()).toEqual([expect.stringMatching(/is not one/)])
  })

  it('finds access that stays although the grace is over', async () => {
    await tell('granted', -1)
    await sql`update dunning_cases set grace_until = now() - interval '1 day'`
    expect(await find()).toEqual([expect.stringMatching(/the grace of .* is over/)])
  })

  it('finds access that goes later than a minute after the end', async () => {
    await tell('granted', -9)
    await tell('revoked', -1)
    await sql`update subscriptions set status = 'canceled', ended_at = now() - interval '2 days'`
    await sql`update dunning_cases set status = 'exhausted', ended_at = now() - interval '2 days',
      failed_at = now() - interval '9 days', grace_until = now() - interval '2 days', end_action_at = now() - interval '2 days'`
    expect(await find()).toEqual([expect.stringMatching(/still has access a minute after/)])
    await sql`update dunning_cases set end_action_at = now() - interval '1 day'`
    expect(await find()).toEqual([])
  })
})
