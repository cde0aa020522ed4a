import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOrchestrator } from '../../api/orchestrator.ts'
import { listAudit } from '../../db/audit.ts'
import { connect, type Connections, inProject } from '../../db/client.ts'
import { findCustomerOfUser } from '../../db/customers.ts'
import { listSubscriptions, type SubscriptionRow } from '../../db/subscriptions.ts'
import { parseId, type ProjectId } from '../../domain/ids.ts'
import { createStripeClient } from '../../providers/stripe/client.ts'
import { createStripeProvider } from '../../providers/stripe/provider.ts'
import { paymentMethodStart } from '../../inbox/starts.ts'
import { paymentMethodWorkflowId } from '../../workflows/ids.ts'
import { stripeChanged } from '../../workflows/messages.ts'
import { eventually } from '../support/eventually.ts'
import { createLocalStripe, type LocalStripe } from '../support/local-stripe.ts'
import { type RunningWorkers, startWorkers } from '../support/running-workers.ts'
import { createDatabase, createNamespace, createStripe, type TestDatabase } from '../support/stack.ts'
import { noTicker } from '../support/ticker.ts'
import { createTestApi, operatorKey, type TestApi, uniqueKey } from './support/api.ts'

/** The API with the product's own workflows and the local Stripe behind it. Nobody delivers webhooks: what Stripe would tell,
 *  a test tells itself, so that it can tell it late or twice. */
let api: TestApi
let workers: RunningWorkers
let server: Awaited<ReturnType<typeof createStripe>>
let stripe: LocalStripe
let database: TestDatabase
let connections: Connections
let key: string
let projectId: ProjectId

interface Card {
  payment_method_id: string
  brand: string
  last4: string
  exp_month: number
  exp_year: number
  is_default: boolean
}

beforeAll(async () => {
  const [namespace] = await Promise.all([
    createNamespace(),
    createDatabase().then((created) => (database = created)),
    createStripe().then((started) => (server = started)),
  ])
  stripe = createLocalStripe(server.apiBase)
  const provider = createStripeProvider(createStripeClient(server))
  connections = connect({ ...database, poolSize: 8, applicationName: 'test-worker' })
  workers = await startWorkers(namespace, {
    database: connections.application,
    provider,
    now: () => new Date(),
    ticker: noTicker,
  })
  api = await createTestApi({
    database,
    orchestrator: createOrchestrator(workers.client),
    listPaymentMethods: (request) => provider.listPaymentMethods(request),
  })
  const registered = await api.registerProject()
  key = registered.key
  projectId = parseId('prj', registered.projectId)
})
afterAll(async () => {
  await workers.stop()
  await Promise.all([api.close(), connections.close(), server.stop()])
  await database.drop()
})

const pathOf = (userId: string, rest = '') => `/api/v1/customers/${userId}/payment-methods${rest}`
const post = <Body = Card>(userId: string, body: object = {}, rest = '', idempotencyKey = uniqueKey()) =>
  api.call<Body>('POST', pathOf(userId, rest), {
    key,
    body,
    headers: { 'Idempotency-Key': idempotencyKey },
  })
const refusal = (userId: string, body: object, rest = '') =>
  api.refusal('POST', pathOf(userId, rest), { key, body })
const remove = (userId: string, id: string) => api.call('DELETE', pathOf(userId, `/${id}`), { key })
const list = async (userId: string): Promise<Card[]> =>
  (await api.call<{ data: Card[] }>('GET', pathOf(userId), { key })).body.data
const ids = async (userId: string) => (await list(userId)).map(({ payment_method_id: id }) => id)
const add = async (userId: string, card = 'pm_card_visa', more: object = {}): Promise<string> => {
  const added = await post(userId, { payment_method_id: card, ...more })
  expect(added.status).toBe(201)
  return added.body.payment_method_id
}

const customerOf = (userId: string) =>
  inProject(connections.application, projectId, async (transaction) => {
    const customer = await findCustomerOfUser(transaction, projectId, { userId, livemode: false })
    if (!customer?.stripeCustomerId) throw new Error(`${userId} is no customer`)
    const audit = await listAudit(transaction, projectId, customer.customerId)
    return { ...customer, stripeCustomerId: customer.stripeCustomerId, audit }
  })

/** A user who has bought a plan, by a card that Checkout makes the subscription's own. */
async function subscribe(userId: string): Promise<SubscriptionRow> {
  const body = { user_id: userId, email: `${userId}@shop.test`, plan_id: 'pro' }
  const { body: payment } = await api.call('POST', '/api/v1/payments', { key, body })
  await stripe.pay(String(payment.checkout_session_id))
  await workers.client.workflow
    .getHandle(`checkout/${String(payment.payment_id)}`)
    .signal(stripeChanged, { eventId: 'evt_paid', objectId: '' })
  return eventually(`${userId} has a subscription`, async () => {
    const all = await inProject(connections.application, projectId, (transaction) =>
      listSubscriptions(transaction, projectId, userId, false),
    )
    return all.map(({ subscription }) => subscription).find(({ status }) => status === 'active')
  })
}

/** The card that Stripe charges for a subscription, and the one it charges for what has none of its own. */
async function charged({ stripeSubscriptionId }: SubscriptionRow) {
  const subscription = await stripe.sdk.subscriptions.retrieve(stripeSubscriptionId, { expand: ['customer'] })
  const { customer } = subscription
  if (typeof customer === 'string' || customer.deleted) throw new Error('the customer is gone')
  return {
    subscription: subscription.default_payment_method,
    customer: customer.invoice_settings.default_payment_method,
  }
}

/** What Stripe tells of a page. */
async function tell(userId: string, sessionId: string, eventId: string): Promise<void> {
  const { customerId } = await customerOf(userId)
  await workers.client.workflow.signalWithStart('paymentMethod', {
    ...paymentMethodStart({ projectId, customerId }),
    signal: stripeChanged,
    signalArgs: [{ eventId, objectId: sessionId }],
  })
}

async function openPage(userId: string): Promise<string> {
  const { status, body } = await post<{ setup_url: string }>(userId)
  expect(status).toBe(201)
  expect(new URL(body.setup_url).origin).toBe(server.apiBase)
  return /cs_\w+/.exec(body.setup_url)?.[0] ?? ''
}

describe('the cards of a user', () => {
  it('are none for whoever never saved one', async () => {
    expect(await list('nobody')).toEqual([])
  })

  it('are charged in the order in which they were added, the default first', async () => {
    const first = await add('orders')
    const second = await add('orders', 'pm_card_mastercard')
    const third = await add('orders', 'pm_card_amex')
    expect(await list('orders')).toEqual([
      {
        payment_method_id: first,
        brand: 'visa',
        last4: '4242',
        exp_month: expect.any(Number),
        exp_year: expect.any(Number),
        is_default: true,
      },
      expect.objectContaining({ payment_method_id: second, brand: 'mastercard', is_default: false }),
      expect.objectContaining({ payment_method_id: third, brand: 'amex', is_default: false }),
    ])
    const made = await post('orders', {}, `/${third}/default`)
    expect(made).toMatchObject({ status: 200, body: { payment_method_id: third, is_default: true } })
    expect(await ids('orders')).toEqual([third, first, second])
  })

  it('show as default what the subscription is charged to, where Stripe knows no other', async () => {
    await subscribe('bought')
    expect(await list('bought')).toMatchObject([{ last4: '4242', is_default: true }])
  })

  it('are those of the user alone, in their project alone', async () => {
    const card = await add('owner')
    await add('thief')
    expect(await refusal('thief', {}, `/${card}/default`)).toBe('404 payment_method_not_found')
    expect(await refusal('thief', { payment_method_id: card })).toBe('404 payment_method_not_found')
    expect(await remove('thief', card)).toMatchObject({
      status: 404,
      body: { code: 'payment_method_not_found' },
    })
    const other = await api.registerProject()
    const asOther = { key: other.key }
    expect(await api.call('GET', pathOf('owner'), asOther)).toMatchObject({ body: { data: [] } })
    expect(await api.refusal('DELETE', pathOf('owner', `/${card}`), asOther)).toBe(
      '404 payment_method_not_found',
    )
    expect(await ids('owner')).toEqual([card])
  })
})

describe('a card that Stripe knows', () => {
  it('is added once, however often the request is repeated', async () => {
    const idempotencyKey = uniqueKey()
    const body = { payment_method_id: 'pm_card_visa' }
    const first = await post('repeats', body, '', idempotencyKey)
    await api.connections.systemClient`update idempotency_keys set status = null, sealed_answer = null`
    expect((await post('repeats', body, '', idempotencyKey)).body).toEqual(first.body)
    expect(await list('repeats')).toHaveLength(1)
  })

  it('is added once when the answer of Stripe is lost', async () => {
    await add('unlucky')
    await stripe.faults({ api: { lost_answer: 1, paths: ['/v1/payment_methods'] } })
    const adding = post('unlucky', { payment_method_id: 'pm_card_mastercard' })
    await eventually('Stripe has it', async () => (await list('unlucky')).length === 2)
    await stripe.endFaults()
    expect(await adding).toMatchObject({ status: 201, body: { brand: 'mastercard', is_default: false } })
    expect(await list('unlucky')).toHaveLength(2)
  })

  it('is charged from now on for every subscription, when that is asked for', async () => {
    const subscription = await subscribe('renews')
    const card = await add('renews', 'pm_card_mastercard', { default: true })
    expect(await charged(subscription)).toEqual({ subscription: card, customer: card })
    expect((await ids('renews'))[0]).toBe(card)
  })

  it('is refused when its bank declines it, and when there is none', async () => {
    expect(await refusal('refused', { payment_method_id: 'pm_card_chargeDeclined' })).toBe(
      '402 card_declined',
    )
    expect(await refusal('refused', { payment_method_id: 'pm_unknown' })).toBe('404 payment_method_not_found')
    expect(await list('refused')).toEqual([])
  })
})

describe('the card to charge', () => {
  it('is chosen for everything, or for one subscription alone', async () => {
    const subscription = await subscribe('chooses')
    const [first = ''] = await ids('chooses')
    const second = await add('chooses', 'pm_card_mastercard')
    const { subscriptionId: subscription_id } = subscription
    expect(await post('chooses', { subscription_id }, `/${second}/default`)).toMatchObject({ status: 200 })
    expect(await charged(subscription)).toEqual({ subscription: second, customer: null })
    expect(await post('chooses', {}, `/${first}/default`)).toMatchObject({ status: 200 })
    expect(await charged(subscription)).toEqual({ subscription: first, customer: first })

    const timeline = await api.call<{ data: { what: string; by: string; stripe_ids: string[] }[] }>(
      'GET',
      `/api/v1/subscriptions/${subscription_id}/timeline`,
      { key },
    )
    const changes = timeline.body.data.filter(({ what }) => what === 'subscription.payment_method_changed')
    expect(changes.map(({ stripe_ids: [card] }) => card)).toEqual([second, first])
    expect(changes.every(({ by }) => by.startsWith('key_'))).toBe(true)
  })

  it('stays chosen when a change of plan that was planned before takes effect', async () => {
    const { subscriptionId, stripeSubscriptionId } = await subscribe('plans')
    const change = { plan_id: 'pro', quantity: 2, when: 'period_end' }
    const planned = await api.call('POST', `/api/v1/subscriptions/${subscriptionId}/change-plan`, {
      key,
      body: change,
    })
    expect(planned.status).toBe(200)
    const card = await add('plans', 'pm_card_mastercard', { default: true })
    const { schedule } = await stripe.sdk.subscriptions.retrieve(stripeSubscriptionId, {
      expand: ['schedule'],
    })
    expect(schedule).toMatchObject({ default_settings: { default_payment_method: card } })
  })

  it('is not chosen for a subscription of somebody else, nor for one that has ended', async () => {
    const theirs = await subscribe('else')
    const card = await add('mine')
    const { subscriptionId: subscription_id } = theirs
    expect(await refusal('mine', { subscription_id }, `/${card}/default`)).toBe('404 not_found')
    await api.call('POST', `/api/v1/subscriptions/${subscription_id}/cancel`, { key, body: { at: 'now' } })
    const [own] = await ids('else')
    expect(await refusal('else', { subscription_id }, `/${own}/default`)).toBe('409 subscription_ended')
  })
})

describe('a card that is removed', () => {
  it('is gone, and what was charged to it is charged to the next', async () => {
    const subscription = await subscribe('loses')
    const [first = ''] = await ids('loses')
    const second = await add('loses', 'pm_card_mastercard')
    const third = await add('loses', 'pm_card_amex', { default: true })
    expect((await remove('loses', third)).status).toBe(204)
    expect(await charged(subscription)).toEqual({ subscription: first, customer: first })
    expect(await ids('loses')).toEqual([first, second])
    expect((await remove('loses', third)).status).toBe(204)
    const { audit } = await customerOf('loses')
    expect(audit.map(({ action }) => action)).toEqual([
      'payment_method.added',
      'payment_method.added',
      'payment_method.removed',
    ])
  })

  it('stays when it is the last one of a subscription that is still to be charged', async () => {
    const { subscriptionId } = await subscribe('stays')
    const [only = ''] = await ids('stays')
    const refused = await api.problem('DELETE', pathOf('stays', `/${only}`), { key })
    expect(refused).toMatchObject({
      status: 409,
      code: 'last_payment_method',
      subscription_id: subscriptionId,
    })
    expect(refused.detail).toMatch(/Add another card first .* or cancel/)
    expect(await ids('stays')).toEqual([only])

    await api.call('POST', `/api/v1/subscriptions/${subscriptionId}/cancel`, {
      key,
      body: { at: 'period_end' },
    })
    expect((await remove('stays', only)).status).toBe(204)
    expect(await list('stays')).toEqual([])
  })

  it('leaves one of two that are removed at once', async () => {
    await subscribe('twice')
    await add('twice', 'pm_card_mastercard')
    const both = await ids('twice')
    const answers = await Promise.all(both.map((id) => remove('twice', id)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204, 409]))
    expect(await list('twice')).toMatchObject([{ is_default: true }])
  })

  it('leaves nothing behind of a user who subscribes to nothing', async () => {
    const card = await add('free')
    expect((await remove('free', card)).status).toBe(204)
    expect(await list('free')).toEqual([])
  })
})

describe('the page on which a user saves a card', () => {
  it('is one, however often the request is repeated', async () => {
    const idempotencyKey = uniqueKey()
    const first = await post<{ setup_url: string }>('pages', {}, '', idempotencyKey)
    await api.connections.systemClient`update idempotency_keys set status = null, sealed_answer = null`
    expect((await post<{ setup_url: string }>('pages', {}, '', idempotencyKey)).body).toEqual(first.body)
    const { stripeCustomerId } = await customerOf('pages')
    const { data } = await stripe.sdk.checkout.sessions.list({ customer: stripeCustomerId })
    expect(data).toMatchObject([{ mode: 'setup', success_url: expect.stringContaining('/thanks') }])
  })

  it('saves the card that is charged from then on, until the user chooses another', async () => {
    const subscription = await subscribe('saves')
    const [old = ''] = await ids('saves')
    const sessionId = await openPage('saves')
    await stripe.pay(sessionId, '5555555555554444')
    await tell('saves', sessionId, 'evt_1')
    const saved = await eventually('the card is charged', async () => {
      const [first] = await list('saves')
      return first?.brand === 'mastercard' && first.is_default && first.payment_method_id
    })
    expect(await charged(subscription)).toEqual({ subscription: saved, customer: saved })

    await post('saves', {}, `/${old}/default`)
    await tell('saves', sessionId, 'evt_1')
    await tell('saves', sessionId, 'evt_2')
    await workflowOf('saves').then((handle) => handle.result())
    expect(await charged(subscription)).toEqual({ subscription: old, customer: old })
    const { audit } = await customerOf('saves')
    expect(audit.map(({ action, actor }) => `${action} ${actor.slice(0, 4)}`)).toEqual([
      'payment_method.page_opened key_',
      'payment_method.added cust',
      'payment_method.made_default key_',
    ])
  })

  it('saves nothing when the user leaves it', async () => {
    const sessionId = await openPage('leaves')
    await stripe.sdk.checkout.sessions.expire(sessionId)
    await tell('leaves', sessionId, 'evt_1')
    await workflowOf('leaves').then((handle) => handle.result())
    expect(await list('leaves')).toEqual([])
  })

  it('is nobody else’s: a page of another customer changes nothing', async () => {
    const card = await add('victim')
    const sessionId = await openPage('other')
    await stripe.pay(sessionId)
    await tell('victim', sessionId, 'evt_1')
    await workflowOf('victim').then((handle) => handle.result())
    expect(await ids('victim')).toEqual([card])
  })

  const workflowOf = async (userId: string) =>
    workers.client.workflow.getHandle(paymentMethodWorkflowId((await customerOf(userId)).customerId))
})

describe('a request that is wrong', () => {
  it.each([
    [{ payment_method_id: 'cus_1' }, 'payment_method_id'],
    [{ payment_method_id: 'pm_1', success_url: 'https://shop.test' }, 'success_url'],
    [{ default: true }, 'default'],
    [{ success_url: 'ftp://shop.test' }, 'success_url'],
    [{ card: '4242' }, 'card'],
  ])('%j is told what is wrong', async (body, path) => {
    const problem = await api.problem('POST', pathOf('wrong'), { key, body })
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request', errors: [{ path }] })
  })

  it('is told of the addresses that neither it nor the project has', async () => {
    const other = await api.registerProject({ success_url: undefined, cancel_url: undefined })
    const problem = await api.problem('POST', pathOf('wrong'), { key: other.key, body: {} })
    expect(problem).toMatchObject({ errors: [{ path: 'success_url' }, { path: 'cancel_url' }] })
  })

  it('is refused to operators who may only look', async () => {
    const { body } = await api.call('POST', '/api/v1/operators', {
      key: operatorKey,
      body: { name: 'Viewer', role: 'viewer' },
    })
    const headers = { 'X-Project-ID': projectId }
    const viewer = { key: String(body.api_key), headers }
    expect((await api.call('GET', pathOf('orders'), viewer)).status).toBe(200)
    expect(await api.refusal('POST', pathOf('orders'), { ...viewer, body: {} })).toBe(
      '403 operator_role_insufficient',
    )
  })
})
