import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ProjectId } from '../../domain/ids.ts'
import { recorded } from '../activities/recorded.ts'
import { createTestApi, operatorKey, type TestApi, uniqueKey } from './support/api.ts'

let api: TestApi
let key: string
let projectId: string
let userId: string
let users = 0

beforeAll(async () => {
  api = await createTestApi()
  ;({ key, projectId } = await api.registerProject())
})
afterAll(() => api.close())
beforeEach(() => {
  users += 1
  userId = `user-${users}`
})

const wallet = (path = '', as = key) => api.call('GET', `/api/v1/wallets/${userId}${path}`, { key: as })
const post = (action: string, body: object, as = key) =>
  api.call('POST', `/api/v1/wallets/${userId}/${action}`, { key: as, body })
const asOperator = (action: string, body: object) =>
  api.call('POST', `/api/v1/wallets/${userId}/${action}`, {
    key: operatorKey,
    headers: { 'X-Project-ID': projectId },
    body,
  })
const problem = (action: string, body: object, as = key) =>
  api.problem('POST', `/api/v1/wallets/${userId}/${action}`, { key: as, body })
const set = (settings: object) =>
  api.call('PUT', `/api/v1/wallets/${userId}/settings`, { key, body: settings })
const grant = (grantId: string, amount: number, more: object = {}) =>
  post('grant', { grant_id: grantId, amount, kind: 'bonus', reason: 'Welcome', ...more })
const transactions = async () =>
  (await wallet('/transactions')).body.data as { kind: string; amount: number; balance_after: number }[]

const dayFromNow = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()

describe('a wallet', () => {
  it('is empty for a user who never had credits', async () => {
    expect(await wallet()).toMatchObject({
      status: 200,
      body: { user_id: userId, balance: 0, available: 0, currency: 'usd', locked: false, lots: [] },
    })
    expect(await transactions()).toEqual([])
  })

  it('shows what was granted, soonest to expire first', async () => {
    await grant('for-ever', 1_000)
    await grant('late', 2_000, { expires_at: dayFromNow(9), kind: 'promotion' })
    const { status, body } = await grant('soon', 3_000, { expires_at: dayFromNow(2) })
    expect({ status, balance: body.balance }).toEqual({ status: 200, balance: 6_000 })
    expect((await wallet()).body.lots).toMatchObject([
      { amount: 3_000, remaining: 3_000, kind: 'bonus' },
      { amount: 2_000, remaining: 2_000, kind: 'promotion' },
      { amount: 1_000, remaining: 1_000, kind: 'bonus', expires_at: null },
    ])
  })

  it('is no other for another project, whose user of that name has none', async () => {
    await grant('mine', 1_000)
    const other = await api.registerProject()
    expect((await wallet('', other.key)).body).toMatchObject({ balance: 0, lots: [] })
    expect((await wallet('/transactions', other.key)).body.data).toEqual([])
    expect(await problem('consume', { amount: 1, usage_id: 'theirs' }, other.key)).toMatchObject({
      status: 409,
      code: 'insufficient_credits',
      available: 0,
    })
    expect((await wallet()).body.balance).toBe(1_000)
  })
})

describe('consuming', () => {
  it('spends what expires first, and tells what is left', async () => {
    await grant('for-ever', 1_000)
    await grant('soon', 500, { expires_at: dayFromNow(1) })
    const { status, body } = await post('consume', { amount: 700, usage_id: 'call-1', description: 'A call' })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      balance: 800,
      available: 800,
      lots: [{ amount: 1_000, remaining: 800 }],
      transaction_id: expect.stringMatching(/^wtx_/) as string,
    })
    expect(await transactions()).toMatchObject([
      {
        kind: 'consumption',
        amount: -700,
        balance_after: 800,
        reference: 'call-1',
        description: 'A call',
        number: 3,
        lots: [
          { number: 1, credits: 200 },
          { number: 2, credits: 500 },
        ],
      },
      { kind: 'bonus', amount: 500, balance_after: 1_500 },
      { kind: 'bonus', amount: 1_000, balance_after: 1_000 },
    ])
  })

  it('is done once for a usage, for ever, and refused for the same usage with another amount', async () => {
    await grant('start', 1_000)
    const first = await post('consume', { amount: 400, usage_id: 'call-1' })
    await post('consume', { amount: 100, usage_id: 'call-2' })
    const again = await post('consume', { amount: 400, usage_id: 'call-1' })
    expect(again).toMatchObject({
      status: 200,
      body: { transaction_id: first.body.transaction_id, occurred_at: first.body.occurred_at, balance: 500 },
    })
    expect(await problem('consume', { amount: 401, usage_id: 'call-1' })).toMatchObject({
      status: 422,
      code: 'usage_id_reused',
    })
    expect((await wallet()).body.balance).toBe(500)
    expect(await transactions()).toHaveLength(3)
  })

  it('never goes below zero, and says what is left', async () => {
    await grant('start', 1_000)
    expect(await problem('consume', { amount: 1_001, usage_id: 'too-much' })).toMatchObject({
      status: 409,
      code: 'insufficient_credits',
      available: 1_000,
      detail: expect.stringContaining('1000 micro-dollars') as string,
    })
    // Nothing was used up by the refusal: once the credits are there, the same usage is consumed.
    await grant('more', 1)
    expect((await post('consume', { amount: 1_001, usage_id: 'too-much' })).body.balance).toBe(0)
  })

  it('leaves what has to stay', async () => {
    await grant('start', 1_000)
    expect((await set({ minimum_balance: 300 })).body).toMatchObject({ balance: 1_000, available: 700 })
    expect(await problem('consume', { amount: 701, usage_id: 'too-much' })).toMatchObject({
      code: 'insufficient_credits',
      available: 700,
      balance: 1_000,
      minimum_balance: 300,
    })
    expect((await post('consume', { amount: 700, usage_id: 'all' })).body).toMatchObject({
      balance: 300,
      available: 0,
    })
  })

  it('is answered again under an idempotency key, and tried again after a refusal that credits can mend', async () => {
    const call = { key, body: { amount: 10, usage_id: 'call' }, headers: { 'Idempotency-Key': uniqueKey() } }
    const path = `/api/v1/wallets/${userId}/consume`
    expect(await api.refusal('POST', path, call)).toBe('409 insufficient_credits')
    await grant('start', 10)
    const first = await api.call('POST', path, call)
    const replay = await api.call('POST', path, call)
    expect(first.body.balance).toBe(0)
    expect(replay.body).toEqual(first.body)
    expect(replay.headers.get('Idempotent-Replayed')).toBe('true')
  })

  it('loses and doubles nothing when 32 consume from one wallet at once, each usage twice', async () => {
    await grant('a', 500, { expires_at: dayFromNow(1) })
    await grant('b', 500)
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) =>
        post('consume', { amount: 40, usage_id: `call-${index % 32}` }),
      ),
    )
    const done = answers.filter(({ status }) => status === 200)
    expect(new Set(done.map(({ body }) => body.transaction_id)).size).toBe(25)
    expect(done).toHaveLength(50)
    expect((await wallet()).body).toMatchObject({ balance: 0, lots: [] })
  })
})

describe('granting', () => {
  it('is done once for a grant, and refused for the same grant with other contents', async () => {
    const first = await grant('welcome', 1_000)
    expect((await grant('welcome', 1_000)).body).toMatchObject({
      transaction_id: first.body.transaction_id,
      balance: 1_000,
    })
    for (const other of [{ amount: 2_000 }, { kind: 'promotion' }, { expires_at: dayFromNow(1) }])
      expect(
        await problem('grant', {
          grant_id: 'welcome',
          amount: 1_000,
          kind: 'bonus',
          reason: 'Welcome',
          ...other,
        }),
      ).toMatchObject({ status: 422, code: 'grant_id_reused' })
  })

  it('is refused for credits that have expired', async () => {
    const expired = { grant_id: 'old', amount: 1, kind: 'bonus', reason: 'Late', expires_at: dayFromNow(-1) }
    expect(await problem('grant', expired)).toMatchObject({
      status: 400,
      errors: [{ path: 'expires_at' }],
    })
    expect(await transactions()).toEqual([])
  })
})

describe('an operator', () => {
  it('locks a wallet, so that nothing is consumed, and unlocks it, with a reason', async () => {
    await grant('start', 1_000)
    expect((await asOperator('lock', { reason: 'A dispute' })).body).toMatchObject({
      locked: true,
      lock_reason: 'A dispute',
    })
    expect(await problem('consume', { amount: 1, usage_id: 'call' })).toMatchObject({
      status: 409,
      code: 'wallet_locked',
    })
    // Credits still come.
    expect((await grant('more', 1)).body.balance).toBe(1_001)
    expect((await asOperator('unlock', { reason: 'Settled' })).body).toMatchObject({ locked: false })
    expect((await post('consume', { amount: 1, usage_id: 'call' })).status).toBe(200)
  })

  it('adjusts a wallet up and down, once for an id, and never below zero', async () => {
    const adjust = (adjustment_id: string, amount: number) => ({
      adjustment_id,
      amount,
      reason: 'Billed twice',
    })
    await asOperator('adjust', adjust('up', 500))
    expect((await asOperator('adjust', adjust('up', 500))).body.balance).toBe(500)
    expect((await asOperator('adjust', adjust('down', -200))).body.balance).toBe(300)
    const asked = { key: operatorKey, headers: { 'X-Project-ID': projectId } }
    const refused = (body: object) =>
      api.refusal('POST', `/api/v1/wallets/${userId}/adjust`, { ...asked, body })
    expect(await refused(adjust('down', -100))).toBe('422 adjustment_id_reused')
    expect(await refused(adjust('far-down', -301))).toBe('409 insufficient_credits')
    expect(await transactions()).toMatchObject([
      { kind: 'adjustment', amount: -200, balance_after: 300, by: 'op_first', description: 'Billed twice' },
      { kind: 'adjustment', amount: 500, balance_after: 500 },
    ])
  })

  it('alone may lock, unlock and adjust', async () => {
    for (const action of ['lock', 'unlock', 'adjust']) {
      const path = `/api/v1/wallets/${userId}/${action}`
      expect(await api.refusal('POST', path, { key, body: {} })).toBe('403 operator_required')
    }
  })
})

describe('settings', () => {
  it('are set all at once, and name a pack of this project', async () => {
    const auto_top_up = { product_id: 'credits', threshold: 500, max_per_day: 2 }
    const { body } = await set({ low_balance_threshold: 100, auto_top_up })
    expect(body).toMatchObject({
      minimum_balance: 0,
      low_balance_threshold: 100,
      auto_top_up: { ...auto_top_up, stopped: null },
    })
    expect((await set({})).body).toMatchObject({ low_balance_threshold: null, auto_top_up: null })
    const path = `/api/v1/wallets/${userId}/settings`
    const refused = (product_id: string) =>
      api.refusal('PUT', path, { key, body: { auto_top_up: { ...auto_top_up, product_id } } })
    expect(await refused('book')).toBe('400 invalid_request')
    expect(await refused('nothing')).toBe('404 product_not_found')
  })
})

describe('a low balance', () => {
  it('is told once per crossing, whatever makes it low', async () => {
    const told = async () =>
      (await recorded(api, projectId as ProjectId)).events
        .filter(({ subject, type }) => subject === userId && type === 'com.quittance.credits.low_balance')
        .map(({ data }) => (data as { balance: number }).balance)
    await grant('start', 1_000)
    await set({ low_balance_threshold: 500 })
    await post('consume', { amount: 500, usage_id: 'at-the-threshold' })
    expect(await told()).toEqual([])
    await post('consume', { amount: 1, usage_id: 'below' })
    await post('consume', { amount: 1, usage_id: 'further-below' })
    expect(await told()).toEqual([499])
    await grant('more', 502)
    await asOperator('adjust', { amount: -600, adjustment_id: 'down', reason: 'Billed twice' })
    expect(await told()).toEqual([499, 400])
  })
})

describe('the audit', () => {
  it('says who locked, unlocked, set, granted and adjusted, why, and what it was before and after', async () => {
    await grant('start', 100)
    await set({ minimum_balance: 10 })
    await asOperator('lock', { reason: 'A dispute' })
    await asOperator('unlock', { reason: 'Settled' })
    // Unlocked already: nothing is changed, so nothing is said.
    await asOperator('unlock', { reason: 'Settled' })
    await asOperator('adjust', { amount: -1, adjustment_id: 'down', reason: 'Billed twice' })
    const { audit } = await recorded(api, projectId as ProjectId)
    const [last] = audit.slice(-1)
    const ofWallet = audit.filter(({ subjectId }) => subjectId === last?.subjectId)
    expect(ofWallet.map(({ action, actor, why }) => [action, actor.slice(0, 3), why])).toEqual([
      ['credits.granted', 'key', 'Welcome'],
      ['wallet.set', 'key', 'The wallet was set over the API.'],
      ['wallet.locked', 'op_', 'A dispute'],
      ['wallet.unlocked', 'op_', 'Settled'],
      ['credits.adjusted', 'op_', 'Billed twice'],
    ])
    expect(last).toMatchObject({ before: { balance: 100 }, after: { balance: 99 } })
    expect(ofWallet[2]).toMatchObject({ before: { locked: false }, after: { locked: true } })
  })
})

describe('the transactions', () => {
  it('are listed page by page, newest first, each once', async () => {
    for (let index = 0; index < 5; index += 1) await grant(`grant-${index}`, index + 1)
    const seen: number[] = []
    let cursor = ''
    for (;;) {
      const { body } = await wallet(`/transactions?limit=2${cursor && `&cursor=${cursor}`}`)
      seen.push(...(body.data as { amount: number }[]).map(({ amount }) => amount))
      if (body.next_cursor === null) break
      cursor = body.next_cursor as string
    }
    expect(seen).toEqual([5, 4, 3, 2, 1])
    expect(await api.refusal('GET', `/api/v1/wallets/${userId}/transactions?cursor=x`, { key })).toBe(
      '400 invalid_request',
    )
  })
})

describe('bad input', () => {
  it.each<[string, object, string]>([
    ['consume', {}, 'amount usage_id'],
    ['consume', { amount: 0, usage_id: 'a' }, 'amount'],
    ['consume', { amount: 1.5, usage_id: 'a' }, 'amount'],
    ['consume', { amount: -1, usage_id: 'a' }, 'amount'],
    ['consume', { amount: 1_000_000_000_001, usage_id: 'a' }, 'amount'],
    ['consume', { amount: '1', usage_id: 'a b' }, 'amount usage_id'],
    ['consume', { amount: 1, usage_id: 'a', description: ' ', more: 1 }, 'description more'],
    ['grant', { amount: 1, kind: 'purchase', grant_id: 'a', reason: 'a' }, 'kind'],
    [
      'grant',
      { amount: 1, kind: 'bonus', grant_id: 'a', reason: 'a', expires_at: '9999-12-31T23:59:59-23:59' },
      'expires_at',
    ],
    [
      'grant',
      { amount: 1, kind: 'bonus', grant_id: '', reason: '', expires_at: 'soon' },
      'expires_at grant_id reason',
    ],
  ])('to %s %j is told field by field', async (action, body, paths) => {
    const { status, errors = [] } = await problem(action, body)
    expect(status).toBe(400)
    expect(
      errors
        .map(({ path }) => path)
        .toSorted()
        .join(' '),
    ).toBe(paths)
  })

  it.each<[string, object, string]>([
    ['adjust', { amount: 0, adjustment_id: 'a', reason: 'a' }, 'amount'],
    ['lock', {}, 'reason'],
    ['unlock', { reason: 1 }, 'reason'],
  ])('of an operator to %s %j is told field by field', async (action, body, path) => {
    const asked = { key: operatorKey, headers: { 'X-Project-ID': projectId }, body }
    const { status, errors } = await api.problem('POST', `/api/v1/wallets/${userId}/${action}`, asked)
    expect({ status, paths: errors?.map((error) => error.path) }).toEqual({ status: 400, paths: [path] })
  })
})
