import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Orchestrator } from '../../api/orchestrator.ts'
import { inProject, type Transaction } from '../../db/client.ts'
import { writeAudit } from '../../db/audit.ts'
import { findLatestPlan, setPrice, toPlan } from '../../db/catalog.ts'
import { insertAttempt } from '../../db/dunning.ts'
import { claimCommand, finishCommand } from '../../db/subscription-commands.ts'
import { type SubscriptionRow, updateSubscription } from '../../db/subscriptions.ts'
import { BillingError, type ErrorCode } from '../../domain/errors.ts'
import { parseId } from '../../domain/ids.ts'
import type { ChangeRequest } from '../../domain/provider.ts'
import { brl } from '../support/snapshots.ts'
import { createTestApi, operatorKey, shop, type TestApi, uniqueKey } from './support/api.ts'
import { seedOpenCase, seedRunningSubscription } from './support/subscriptions.ts'

type Asked = Parameters<Orchestrator['command']>

let api: TestApi
let project: { projectId: string; key: string }
let asked: { subscription: Asked[0]; command: Asked[1]; updateId: string }[]
let refusal: BillingError | undefined
let previewed: ChangeRequest | undefined
beforeAll(async () => {
  api = await createTestApi({
    orchestrator: {
      async command(subscription, command, updateId) {
        asked.push({ subscription, command, updateId })
        if (refusal) throw refusal
      },
    },
    async previewChange(request) {
      previewed = request
      return {
        amountDue: brl(20_000),
        lines: [
          { description: 'Unused time', amount: brl(-4950), periodStart: 0, periodEnd: 86_400_000 },
          { description: 'Remaining time', amount: brl(24_950), periodStart: 0, periodEnd: 86_400_000 },
        ],
      }
    },
  })
  const plan = shop.plans[0]
  project = await api.registerProject({
    plans: [
      plan,
      { ...plan, id: 'team', name: 'Team', amount: 49_900 },
      { ...plan, id: 'us', currency: 'usd' },
    ],
  })
  const projectId = parseId('prj', project.projectId)
  await inProject(api.connections.application, projectId, async (transaction) => {
    const team = await findLatestPlan(transaction, projectId, 'team')
    if (!team) throw new Error('no plan')
    const price = { priceId: 'price_team', productId: 'prod_team' }
    await setPrice(transaction, projectId, { kind: 'plan', plan: toPlan(team) }, price)
  })
})
afterAll(() => api.close())
beforeEach(() => {
  asked = []
  refusal = undefined
  previewed = undefined
})

let users = 0
const seed = (columns: Partial<SubscriptionRow> = {}) => {
  users += 1
  return seedRunningSubscription(api, project, { userId: `user-${users}`, ...columns })
}
const path = ({ subscriptionId }: SubscriptionRow, what: string) =>
  `/api/v1/subscriptions/${subscriptionId}/${what}`
const post = (row: SubscriptionRow, what: string, body: object = {}, headers: Record<string, string> = {}) =>
  api.call('POST', path(row, what), { key: project.key, body, headers })
const refused = (row: SubscriptionRow, what: string, body: object = {}) =>
  api.problem('POST', path(row, what), { key: project.key, body })

const upgrade = { plan_id: 'team', when: 'now' }

describe('a command', () => {
  it.each<[string, object, { kind: string; args: object }]>([
    ['change-plan', upgrade, { kind: 'changePlan', args: { plan_id: 'team', when: 'now' } }],
    [
      'change-plan',
      { plan_id: 'pro', when: 'period_end', quantity: 3 },
      { kind: 'changePlan', args: { plan_id: 'pro', when: 'period_end', quantity: 3 } },
    ],
    [
      'cancel',
      { at: 'now', reason: 'Moved away.' },
      { kind: 'cancel', args: { at: 'now', reason: 'Moved away.' } },
    ],
    ['cancel', { at: 'period_end' }, { kind: 'cancel', args: { at: 'period_end' } }],
    ['pause', {}, { kind: 'pause', args: {} }],
    ['pause', { until: '2099-01-01T00:00:00Z' }, { kind: 'pause', args: { until: '2099-01-01T00:00:00Z' } }],
  ])('%s %j reaches its workflow, with who asks', async (what, body, command) => {
    const row = await seed()
    const answer = await post(row, what, body)
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ subscription_id: row.subscriptionId, status: 'active' })
    expect(asked).toMatchObject([
      {
        subscription: { subscriptionId: row.subscriptionId, stripeSubscriptionId: row.stripeSubscriptionId },
        command: { ...command, args: { ...command.args, by: expect.stringMatching(/^key_/) as string } },
      },
    ])
  })

  it('to resume or to retry a payment reaches its workflow as well', async () => {
    await post(await seed({ status: 'paused' }), 'resume')
    const behind = await seed({ status: 'past_due' })
    await seedOpenCase(api, behind)
    await post(behind, 'retry-payment', { reason: 'On the phone.' })
    expect(asked.map(({ command }) => command.kind)).toEqual(['resume', 'retryPayment'])
    expect(asked[1]?.command.args).toMatchObject({ reason: 'On the phone.' })
  })

  it('under an idempotency key is asked once, and asked again under the same name after a crash', async () => {
    const row = await seed()
    const headers = { 'Idempotency-Key': uniqueKey() }
    const first = await post(row, 'change-plan', upgrade, headers)
    expect((await post(row, 'change-plan', upgrade, headers)).body).toEqual(first.body)
    expect(asked).toHaveLength(1)
    await api.connections.systemClient`update idempotency_keys set status = null, sealed_answer = null`
    await post(row, 'change-plan', upgrade, headers)
    expect(new Set(asked.map(({ updateId }) => updateId)).size).toBe(1)
  })

  it('that was done is answered as done when it is repeated, though what it did would refuse it now', async () => {
    const row = await seed()
    const headers = { 'Idempotency-Key': uniqueKey() }
    refusal = new BillingError('outcome_pending')
    expect((await post(row, 'cancel', { at: 'now' }, headers)).status).toBe(503)
    const { projectId, subscriptionId } = row
    const commandId = asked[0]?.updateId ?? ''
    const command = { projectId, subscriptionId, commandId, kind: 'cancel', requestedBy: 'key_1' } as const
    const at = new Date()
    const inRows = <Result>(work: (transaction: Transaction) => Promise<Result>) =>
      inProject(api.connections.application, projectId, work)
    await inRows((transaction) => claimCommand(transaction, { ...command, startedAt: at }))
    await inRows((transaction) => updateSubscription(transaction, row, { status: 'canceled', endedAt: at }))
    expect((await post(row, 'cancel', { at: 'now' }, headers)).status).toBe(503)
    await inRows((transaction) => finishCommand(transaction, command, { at }))
    const done = await post(row, 'cancel', { at: 'now' }, headers)
    expect(done).toMatchObject({ status: 200, body: { status: 'canceled' } })
    expect(asked.map(({ updateId }) => updateId)).toEqual([commandId, commandId])
    expect((await post(row, 'cancel', { at: 'now' })).body).toMatchObject({ code: 'subscription_ended' })
  })

  it('is an operator’s with the project named, and names the operator', async () => {
    const row = await seed()
    const headers = { 'X-Project-ID': project.projectId }
    await api.call('POST', path(row, 'cancel'), { key: operatorKey, body: { at: 'now' }, headers })
    expect(asked[0]?.command.args.by).toMatch(/^op/)
  })

  it('is not for those who may only look', async () => {
    const row = await seed()
    const viewer = await api.call('POST', '/api/v1/operators', {
      key: operatorKey,
      body: { name: 'Vera', role: 'viewer' },
    })
    const headers = { 'X-Project-ID': project.projectId }
    const key = String(viewer.body.api_key)
    for (const [what, body] of [
      ['cancel', { at: 'now' }],
      ['change-plan', upgrade],
      ['pause', {}],
      ['resume', {}],
      ['retry-payment', {}],
    ] as const)
      expect(await api.refusal('POST', path(row, what), { key, body, headers })).toBe(
        '403 operator_role_insufficient',
      )
    expect(
      (await api.call('POST', path(row, 'preview-change'), { key, body: upgrade, headers })).status,
    ).toBe(200)
  })

  it('for what does not exist is 404', async () => {
    for (const name of ['sbs_00000000000000000000000000', 'user-1', 'pay_00000000000000000000000000'])
      expect(
        await api.refusal('POST', `/api/v1/subscriptions/${name}/cancel`, {
          key: project.key,
          body: { at: 'now' },
        }),
      ).toBe('404 not_found')
  })
})

describe('a command that cannot be done as things stand', () => {
  it.each<[string, string, object, Partial<SubscriptionRow>, ErrorCode]>([
    ['a change to the same plan', 'change-plan', { plan_id: 'pro', when: 'now' }, {}, 'same_plan'],
    ['a change while past due', 'change-plan', upgrade, { status: 'past_due' }, 'subscription_past_due'],
    ['a change while paused', 'change-plan', upgrade, { status: 'paused' }, 'subscription_paused'],
    ['a change after the end', 'change-plan', upgrade, { status: 'canceled' }, 'subscription_ended'],
    [
      'a later change of what ends',
      'change-plan',
      { plan_id: 'team', when: 'period_end' },
      { cancelAtPeriodEnd: true },
      'subscription_ending',
    ],
    [
      'a second end with the period',
      'cancel',
      { at: 'period_end' },
      { cancelAtPeriodEnd: true },
      'already_canceling',
    ],
    ['an end after the end', 'cancel', { at: 'now' }, { status: 'canceled' }, 'subscription_ended'],
    ['a second pause', 'pause', {}, { status: 'paused' }, 'already_paused'],
    ['a pause of a trial', 'pause', {}, { status: 'trialing' }, 'subscription_trialing'],
    ['a pause until yesterday', 'pause', { until: '2020-01-01T00:00:00Z' }, {}, 'invalid_request'],
    ['a pause beyond all calendars', 'pause', { until: '9999-12-31T23:59:59-23:59' }, {}, 'invalid_request'],
    ['a pause while the renewal runs', 'pause', {}, { currentPeriodEnd: new Date() }, 'renewal_under_way'],
    ['a resume of what runs', 'resume', {}, {}, 'nothing_to_resume'],
    ['a resume after the end', 'resume', {}, { status: 'canceled' }, 'subscription_ended'],
    ['a retry without anything unpaid', 'retry-payment', {}, {}, 'nothing_to_collect'],
  ])('is refused with why, and what may be done instead: %s', async (_what, route, body, columns, code) => {
    const problem = await refused(await seed(columns), route, body)
    expect(problem).toMatchObject({ code, status: code === 'invalid_request' ? 400 : 409 })
    expect(problem.detail).toMatch(/^[A-Z"].*\.$/)
    expect(asked).toEqual([])
  })

  it('is refused before anything is asked where the plan is not sold, or in another currency', async () => {
    const row = await seed()
    for (const what of ['change-plan', 'preview-change']) {
      const unknown = await refused(row, what, { plan_id: 'gold', when: 'now' })
      expect(unknown).toMatchObject({ status: 404, code: 'plan_not_found', errors: [{ path: 'plan_id' }] })
      const foreign = await refused(row, what, { plan_id: 'us', when: 'now' })
      expect(foreign).toMatchObject({ code: 'currency_mismatch', errors: [{ path: 'plan_id' }] })
    }
    expect(asked).toEqual([])
  })

  it.each<[ErrorCode, number]>([
    ['card_declined', 402],
    ['authentication_required', 402],
    ['same_plan', 409],
    ['provider_refused', 422],
    ['outcome_pending', 503],
    ['orchestrator_unavailable', 503],
  ])('answers the workflow’s %s as %i, with its facts', async (code, status) => {
    refusal = new BillingError(code, {
      facts: { invoice_id: 'in_1' },
      detail: 'As it is.',
      retryAfterSeconds: 2,
    })
    const problem = await refused(await seed(), 'change-plan', upgrade)
    expect(problem).toMatchObject({ status, code, detail: 'As it is.', invoice_id: 'in_1' })
  })
})

describe('a preview of a change', () => {
  it('now tells what the provider would charge, with its lines, and changes nothing', async () => {
    const row = await seed()
    const { status, body } = await post(row, 'preview-change', { ...upgrade, quantity: 2 })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      amount_due: 20_000,
      currency: 'brl',
      lines: [{ amount: -4950 }, { amount: 24_950, period_start: '1970-01-01T00:00:00.000Z' }],
    })
    expect(previewed).toMatchObject({
      providerSubscriptionId: row.stripeSubscriptionId,
      providerPriceId: 'price_team',
      quantity: 2,
    })
    expect(asked).toEqual([])
  })

  it('at the period’s end is the price of the next period', async () => {
    const row = await seed()
    const { body } = await post(row, 'preview-change', { plan_id: 'team', when: 'period_end', quantity: 2 })
    expect(body).toMatchObject({
      amount_due: 99_800,
      due_at: row.currentPeriodEnd.toISOString(),
      lines: [{ amount: 99_800, period_start: row.currentPeriodEnd.toISOString() }],
    })
    expect(body).not.toMatchObject({ lines: [{ period_end: row.currentPeriodEnd.toISOString() }] })
    expect(previewed).toBeUndefined()
  })

  it('is refused where the change would be', async () => {
    expect((await refused(await seed(), 'preview-change', { plan_id: 'pro', when: 'now' })).code).toBe(
      'same_plan',
    )
  })

  it('of a plan whose price is still being made asks to come again', async () => {
    const other = await api.registerProject({ plans: [shop.plans[0], { ...shop.plans[0], id: 'new' }] })
    const row = await seedRunningSubscription(api, other, { userId: 'user-1' })
    const body = { plan_id: 'new', when: 'now' }
    expect(await api.refusal('POST', path(row, 'preview-change'), { key: other.key, body })).toBe(
      '503 outcome_pending',
    )
  })
})

describe('what is shown of a subscription', () => {
  it('holds its unpaid invoices, each with its tries', async () => {
    const row = await seed({ status: 'past_due' })
    const invoiceId = await seedOpenCase(api, row)
    await inProject(api.connections.application, row.projectId, async (transaction) => {
      const attempt = { projectId: row.projectId, invoiceId, startedAt: new Date('2026-03-10T10:00:00Z') }
      await insertAttempt(transaction, {
        ...attempt,
        intent: 'ch_1',
        trigger: 'renewal',
        outcome: 'declined',
        declineCode: 'insufficient_funds',
      })
      await insertAttempt(transaction, { ...attempt, intent: 'schedule/1/pm_1', trigger: 'schedule' })
    })
    const { body } = await api.call('GET', `/api/v1/subscriptions/${row.subscriptionId}`, {
      key: project.key,
    })
    const shown = {
      invoice_id: invoiceId,
      status: 'open',
      amount: 9900,
      currency: 'brl',
      attempts: [
        {
          at: '2026-03-10T10:00:00.000Z',
          trigger: 'renewal',
          outcome: 'declined',
          decline_code: 'insufficient_funds',
        },
        { at: '2026-03-10T10:00:00.000Z', trigger: 'schedule', outcome: 'pending' },
      ],
      policy_version: 0,
      pay_url: 'https://pay.test/in_1',
    }
    expect(body).toMatchObject({
      status: 'past_due',
      has_access: true,
      dunning: shown,
      dunning_cases: [shown],
    })
  })

  it('tells that access is gone once the grace is over, and no role is left', async () => {
    const row = await seed({ status: 'past_due', graceEnded: true })
    const { body } = await api.call('GET', `/api/v1/subscriptions/${row.userId}`, { key: project.key })
    expect(body).toMatchObject({
      has_access: false,
      roles: [],
      subscriptions: [{ has_access: false, roles: [] }],
    })
  })

  it('tells of a change that is pending, and until when it is paused', async () => {
    const at = new Date('2026-05-01T00:00:00Z')
    const pendingChange = {
      planId: 'team',
      planVersion: 1,
      quantity: 2,
      when: 'period_end' as const,
      at: at.getTime(),
    }
    const row = await seed({ status: 'paused', pausedUntil: at, pendingChange })
    const { body } = await api.call('GET', `/api/v1/subscriptions/${row.subscriptionId}`, {
      key: project.key,
    })
    expect(body).toMatchObject({
      paused_until: at.toISOString(),
      pending_change: {
        plan_id: 'team',
        plan_version: 1,
        quantity: 2,
        when: 'period_end',
        at: at.toISOString(),
      },
    })
  })
})

describe('the timeline of a subscription', () => {
  it('tells each thing that happened, in order, with why, by whom and what led to it', async () => {
    const row = await seed()
    const entry = (action: string, occurredAt: string, more: object = {}) => ({
      projectId: row.projectId,
      actor: 'stripe',
      action,
      subjectId: row.subscriptionId,
      why: 'It happened.',
      correlationId: 'cor-1',
      stripeIds: ['in_1'],
      occurredAt: new Date(occurredAt),
      ...more,
    })
    await inProject(api.connections.application, row.projectId, async (transaction) => {
      await writeAudit(transaction, entry('dunning.recovered', '2026-03-14T00:00:00Z'))
      await writeAudit(
        transaction,
        entry('dunning.opened', '2026-03-10T00:00:00Z', {
          eventId: 'evt_1',
          policyVersion: 2,
          amount: 9900,
          currency: 'brl',
        }),
      )
    })
    const { body } = await api.call('GET', path(row, 'timeline'), { key: project.key })
    const common = { why: 'It happened.', by: 'stripe', stripe_ids: ['in_1'] }
    expect(body).toEqual({
      data: [
        {
          ...common,
          at: '2026-03-10T00:00:00.000Z',
          what: 'dunning.opened',
          event_id: 'evt_1',
          policy_version: 2,
          amount: 9900,
          currency: 'brl',
        },
        { ...common, at: '2026-03-14T00:00:00.000Z', what: 'dunning.recovered' },
      ],
      next_cursor: null,
    })
  })

  it('of what does not exist is 404', async () => {
    for (const name of ['sbs_00000000000000000000000000', 'user-1'])
      expect(await api.refusal('GET', `/api/v1/subscriptions/${name}/timeline`, { key: project.key })).toBe(
        '404 not_found',
      )
  })
})
