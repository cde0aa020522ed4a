import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, joinProduct } from '../support/product.ts'
import {
  type CaseShown,
  later,
  makeClock,
  type PlayedClock,
  type SubscriptionShown,
  type TimelineEntry,
} from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await joinProduct()
})
afterAll(() => product.end())

const start = '2027-01-10T12:00:00.000Z'
/** A month later, and an hour until Stripe has finalized the invoice. */
const failure = '2027-02-10T13:00:00.000Z'

const read = async (id: string): Promise<SubscriptionShown> =>
  (await product.client.call('GET', `/api/v1/subscriptions/${id}`)).body as unknown as SubscriptionShown
const ask = (id: string, what: string, body: object = {}) =>
  product.client.call('POST', `/api/v1/subscriptions/${id}/${what}`, { body })
const caseOf = ({ dunning }: SubscriptionShown): CaseShown => {
  if (!dunning) throw new Error('it has no case')
  return dunning
}
const attemptsOf = async (id: string) =>
  caseOf(await read(id)).attempts.map(
    ({ trigger, outcome, at }) => `${at.slice(0, 10)} ${trigger} ${outcome}`,
  )
const told = (userId: string, type: string) =>
  product.events.typesOf(product.projectId, userId).filter((one) => one === type).length

/** A customer whose renewal has just failed. */
async function failing(
  userId: string,
  card = cards.chargeDeclined,
): Promise<{ clock: PlayedClock; id: string; stripeId: string }> {
  const clock = await makeClock(product, start)
  const sold = await clock.subscribe(userId)
  if (card === 'none') await product.stripe.removeCards(sold.stripe_subscription_id)
  else await product.stripe.changeCard(sold.stripe_subscription_id, card)
  await clock.advanceTo(later(failure, 0, 1))
  return { clock, id: sold.subscription_id, stripeId: sold.stripe_subscription_id }
}

describe('a renewal that fails', () => {
  it('is retried on day 3, 5 and 7, keeps access until then, and ends the subscription', async () => {
    const { clock, id } = await failing('never-pays')
    const failed = await read(id)
    expect(failed).toMatchObject({ status: 'past_due', has_access: true, roles: ['pro'] })
    expect(caseOf(failed)).toMatchObject({
      status: 'open',
      failed_at: failure,
      next_retry_at: later(failure, 3),
      grace_until: later(failure, 7),
      policy_version: 0,
    })
    await clock.advanceTo(later(failure, 6, 23))
    expect(await read(id)).toMatchObject({ status: 'past_due', has_access: true, roles: ['pro'] })
    await clock.advanceTo(later(failure, 7))

    expect(await read(id)).toMatchObject({ status: 'canceled', has_access: false, roles: [] })
    await clock.advanceTo(later(failure, 60))
    const ended = caseOf(await read(id))
    expect(ended).toMatchObject({ status: 'exhausted', next_retry_at: null })
    expect(await attemptsOf(id)).toEqual([
      '2027-02-10 renewal declined',
      '2027-02-13 schedule declined',
      '2027-02-15 schedule declined',
      '2027-02-17 schedule declined',
    ])
    const timeline = (await product.client.call('GET', `/api/v1/subscriptions/${id}/timeline`)).body
      .data as TimelineEntry[]
    expect(timeline.map(({ what }) => what)).toEqual([
      'subscription.activated',
      'subscription.payment_failed',
      'dunning.opened',
      ...[1, 2, 3].flatMap(() => ['dunning.notice', 'dunning.retry', 'dunning.retry_failed']),
      'dunning.exhausted',
      'command.cancel',
      'subscription.canceled',
    ])
    expect(timeline.at(-1)).toMatchObject({ by: 'quittance', at: later(failure, 7) })
    expect(await findFlaws(product)).toEqual([])
  })

  it('is paused where its policy says so, which brings no credit, and is paid in full when it goes on', async () => {
    const policy = { retries: ['P3D', 'P7D'], grace: 'P7D', notice_before: 'P1D', on_exhausted: 'pause' }
    const { client } = await product.registerProject({ dunning: policy })
    const clock = await makeClock({ client, stripe: product.stripe }, start)
    const sold = await clock.subscribe('is-paused')
    const id = sold.subscription_id
    const shown = async () =>
      (await client.call('GET', `/api/v1/subscriptions/${id}`)).body as unknown as SubscriptionShown
    await product.stripe.changeCard(sold.stripe_subscription_id, cards.chargeDeclined)
    await clock.advanceTo(later(failure, 7, 1))
    expect(await shown()).toMatchObject({ status: 'paused', has_access: false })
    const { invoice_id } = caseOf(await shown())
    expect((await product.stripe.sdk.invoices.retrieve(invoice_id)).status).toBe('void')

    await product.stripe.changeCard(sold.stripe_subscription_id, cards.good)
    expect(await client.call('POST', `/api/v1/subscriptions/${id}/resume`, { body: {} })).toMatchObject({
      status: 200,
      body: { status: 'active', has_access: true },
    })
    const { data } = await product.stripe.sdk.invoices.list({ subscription: sold.stripe_subscription_id })
    expect(data.map(({ status, amount_paid: paid }) => `${status} ${paid}`)).toEqual([
      'paid 9900',
      'void 0',
      'paid 9900',
    ])
    expect(await findFlaws(product)).toEqual([])
  })

  it.for([
    { when: 'the first', day: 3, attempts: 1 },
    { when: 'the second', day: 5, attempts: 2 },
    { when: 'the third', day: 7, attempts: 3 },
  ])('recovers by $when retry, once', async ({ day, attempts }) => {
    const user = `pays-on-day-${day}`
    const { clock, id, stripeId } = await failing(user)
    await clock.advanceTo(later(failure, day, -1))
    await product.stripe.changeCard(stripeId, cards.good)
    await clock.advanceTo(later(failure, day, 1))
    expect(await read(id)).toMatchObject({ status: 'active', has_access: true, roles: ['pro'] })
    await clock.advanceTo(later(failure, 20))
    const made = await attemptsOf(id)
    expect(made.at(-1)).toMatch(/schedule succeeded$/)
    expect(made).toHaveLength(attempts + 1)
    expect(told(user, 'subscription.recovered')).toBe(1)
    expect(told(user, 'entitlement.role_revoked')).toBe(0)
    // It goes on as if nothing had been.
    await clock.advanceTo('2027-03-10T15:00:00.000Z')
    expect(await read(id)).toMatchObject({ status: 'active', current_period_end: '2027-04-10T12:00:00.000Z' })
    expect(await findFlaws(product)).toEqual([])
  })

  it.each([
    ['for want of a card asks for one', 'none', 'notice.no_payment_method'],
    [
      'because the bank wants to see the customer asks for that',
      cards.threeDSecure,
      'notice.authentication_required',
    ],
  ])('%s', async (what, card, notice) => {
    const user = what.replaceAll(' ', '-')
    const { id } = await failing(user, card)
    expect(await read(id)).toMatchObject({ status: 'past_due', dunning: { status: 'open' } })
    await eventually('the notice is on Kafka', () => told(user, notice) === 1)
    const notices = product.events
      .typesOf(product.projectId, user)
      .filter((type) => type.startsWith('notice.'))
    expect(notices).toEqual([notice])
  })

  it('recovers on the invoice page of Stripe', async () => {
    const { clock, id } = await failing('pays-by-hand')
    await product.stripe.payInvoice(caseOf(await read(id)).invoice_id)
    await clock.advanceTo(later(failure, 1))
    expect(await read(id)).toMatchObject({ status: 'active', dunning: { status: 'recovered' } })
    await clock.advanceTo(later(failure, 10))
    expect(await attemptsOf(id)).toEqual(['2027-02-10 renewal declined'])
    expect(await findFlaws(product)).toEqual([])
  })

  it('recovers when somebody asks to retry, which uses up no scheduled retry', async () => {
    const { clock, id, stripeId } = await failing('asks-to-retry')
    const declined = await ask(id, 'retry-payment', { reason: 'The customer says the card works again.' })
    expect(declined).toMatchObject({
      status: 402,
      body: { code: 'card_declined', decline_code: 'generic_decline' },
    })
    expect(caseOf(await read(id)).next_retry_at).toBe(later(failure, 3))
    await product.stripe.changeCard(stripeId, cards.good)
    const paid = await ask(id, 'retry-payment')
    expect(paid).toMatchObject({ status: 200, body: { status: 'active' } })
    expect(await attemptsOf(id)).toEqual([
      '2027-02-10 renewal declined',
      '2027-02-10 operator declined',
      '2027-02-10 operator succeeded',
    ])
    expect(await ask(id, 'retry-payment')).toMatchObject({
      status: 409,
      body: { code: 'nothing_to_collect' },
    })
    await clock.advanceTo(later(failure, 10))
    expect(told('asks-to-retry', 'subscription.recovered')).toBe(1)
    expect(await findFlaws(product)).toEqual([])
  })

  it('is charged no more once the customer has canceled', async () => {
    const { clock, id, stripeId } = await failing('cancels')
    const { invoice_id } = caseOf(await read(id))
    const canceled = await ask(id, 'cancel', { at: 'now', reason: 'No longer needed.' })
    expect(canceled).toMatchObject({
      status: 200,
      body: { status: 'canceled', has_access: false, dunning: { status: 'canceled' } },
    })
    expect((await product.stripe.sdk.invoices.retrieve(invoice_id)).status).toBe('void')
    await product.stripe.changeCard(stripeId, cards.good)
    await clock.advanceTo(later(failure, 10))
    expect(await attemptsOf(id)).toEqual(['2027-02-10 renewal declined'])
    expect(await findFlaws(product)).toEqual([])
  })

  it('is forgiven when the invoice is made void', async () => {
    const { clock, id } = await failing('is-forgiven')
    await product.stripe.sdk.invoices.voidInvoice(caseOf(await read(id)).invoice_id)
    await clock.advanceTo(later(failure, 10))
    expect(caseOf(await read(id))).toMatchObject({ status: 'voided', next_retry_at: null })
    expect(await attemptsOf(id)).toEqual(['2027-02-10 renewal declined'])
  })
})
