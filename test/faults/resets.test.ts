import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idOf } from '../../providers/stripe/snapshots.ts'
import { type Books, differencesOfBooks, readBooks } from '../support/books.ts'
import { runs, seed } from '../support/effort.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, startProduct } from '../support/product.ts'
import { createRandom, sample } from '../support/random.ts'
import { reset, resetPoints, untilAtRest } from '../support/resets.ts'
import { later, makeClock, type PlayedClock, type SubscriptionShown } from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

const random = createRandom(seed)
/** The run that is current when a workflow is reset ends there. */
const wasReset: string[] = []
/** Of each story. `npm run resets` takes all. */
const RESETS = runs(2)

const start = '2027-01-10T12:00:00.000Z'
/** A month later, and an hour until Stripe has finalized the invoice. */
const failure = '2027-02-10T13:00:00.000Z'

const read = async (id: string): Promise<SubscriptionShown> =>
  (await product.client.call('GET', `/api/v1/subscriptions/${id}`)).body as unknown as SubscriptionShown

const attemptsOf = async (id: string) =>
  (await read(id)).dunning?.attempts.map(({ trigger, at }) => `${at.slice(0, 10)} ${trigger}`) ?? []

async function ask(id: string, what: string, body: object = {}): Promise<void> {
  const { status, body: answer } = await product.client.call('POST', `/api/v1/subscriptions/${id}/${what}`, {
    body,
  })
  if (status !== 200) throw new Error(`${what} was refused: ${status} ${JSON.stringify(answer)}`)
}

/** A customer whose renewal has just failed. */
async function failing(
  userId: string,
): Promise<{ clock: PlayedClock; id: string; stripeId: string; invoiceId: string }> {
  const clock = await makeClock(product, start)
  const sold = await clock.subscribe(userId)
  await product.stripe.changeCard(sold.stripe_subscription_id, cards.chargeDeclined)
  await clock.advanceTo(later(failure, 0, 1))
  const invoiceId = (await read(sold.subscription_id)).dunning?.invoice_id ?? ''
  return { clock, id: sold.subscription_id, stripeId: sold.stripe_subscription_id, invoiceId }
}

/** Resets the workflows to their tasks, one after the other, and lets each come to rest.
 *  @returns a sentence for each thing that was then written, told or done at Stripe. */
async function resetAll(workflowIds: string[]): Promise<string[]> {
  await untilAtRest(product, workflowIds)
  wasReset.push(...workflowIds)
  const points = await resetPoints(product, workflowIds)
  const chosen = sample(random, points, RESETS)
  let before: Books = await readBooks(product)
  const flaws: string[] = []
  for (const point of chosen) {
    const { workflowId, runId, eventId } = point
    await reset(product, point)
    await untilAtRest(product, workflowIds)
    const after = await readBooks(product)
    const found = differencesOfBooks(before, after)
    flaws.push(
      ...found.map((flaw) => `reset of ${workflowId} (${runId}) to event ${String(eventId)}: ${flaw}`),
    )
    before = after
  }
  console.log(`seed ${seed}: ${chosen.length} of ${points.length} resets of ${workflowIds.join(' and ')}`)
  return flaws
}

describe('a reset to any workflow task charges nothing, tells nothing and writes nothing again', () => {
  it('of a case whose retries have all failed, and of its canceled subscription', async () => {
    const { clock, id, invoiceId } = await failing('never-pays')
    await clock.advanceTo(later(failure, 8))
    expect(await read(id)).toMatchObject({ status: 'canceled', dunning: { status: 'exhausted' } })
    const ids = [`dunning/${invoiceId}`, `subscription/${id}`]
    expect(await resetAll(ids)).toEqual([])
  })

  it('of a case that was paid by a retry, and of its subscription, which then renews once', async () => {
    const { clock, id, stripeId, invoiceId } = await failing('pays-late')
    await clock.advanceTo(later(failure, 4))
    await product.stripe.changeCard(stripeId, cards.good)
    await clock.advanceTo(later(failure, 6))
    expect(await read(id)).toMatchObject({ status: 'active', dunning: { status: 'recovered' } })
    const ids = [`dunning/${invoiceId}`, `subscription/${id}`]
    expect(await resetAll(ids)).toEqual([])
    await clock.advanceTo('2027-03-10T15:00:00.000Z')
    expect(await read(id)).toMatchObject({ status: 'active', current_period_end: '2027-04-10T12:00:00.000Z' })
  })

  it('of a subscription that has done what was asked of it', async () => {
    const clock = await makeClock(product, start)
    const { subscription_id: id } = await clock.subscribe('asks-for-much')
    await clock.advanceTo(later(start, 3))
    await ask(id, 'change-plan', { plan_id: 'team', when: 'now' })
    await ask(id, 'change-plan', { plan_id: 'pro', when: 'period_end' })
    await ask(id, 'change-plan', { plan_id: 'team', when: 'period_end' })
    await ask(id, 'cancel', { at: 'period_end' })
    await ask(id, 'resume')
    await ask(id, 'pause')
    await clock.advanceTo(later(start, 5))
    await ask(id, 'resume')
    await ask(id, 'cancel', { at: 'now', reason: 'Enough.' })
    expect(await read(id)).toMatchObject({ status: 'canceled' })
    const ids = [`subscription/${id}`]
    expect(await resetAll(ids)).toEqual([])
  })

  it('of an open case on which an operator has decided', async () => {
    const { clock, id, stripeId, invoiceId } = await failing('is-looked-after')
    const caseId = `dunning/${invoiceId}`
    const decide = (action: 'retry' | 'skip') =>
      product.temporal.workflow.getHandle(caseId).executeUpdate(action, {
        args: [{ reason: 'The customer has called.', by: 'olga' }],
      })
    await decide('retry')
    await untilAtRest(product, [caseId])
    await decide('skip') // The notice before the first retry.
    await untilAtRest(product, [caseId])
    await decide('skip') // The first retry.
    // A card that the operator's retry has not charged, should it be taken up again.
    const { subscriptions, paymentMethods } = product.stripe.sdk
    const { customer } = await subscriptions.retrieve(stripeId)
    const card = await paymentMethods.attach('pm_card_chargeCustomerFail', { customer: idOf(customer) ?? '' })
    await subscriptions.update(stripeId, { default_payment_method: card.id })
    await eventually('the new card is charged', async () => (await attemptsOf(id)).length === 3)
    const ids = [caseId, `subscription/${id}`]
    expect(await resetAll(ids)).toEqual([])
    await clock.advanceTo(later(failure, 8))
    expect(await read(id)).toMatchObject({ status: 'canceled' })
    expect(await attemptsOf(id)).toEqual([
      '2027-02-10 renewal',
      '2027-02-10 operator',
      '2027-02-10 new_card',
      // Each card, on the days of the retries that were not skipped.
      '2027-02-15 schedule',
      '2027-02-15 schedule',
      '2027-02-17 schedule',
      '2027-02-17 schedule',
    ])
  })

  it('and leaves nothing behind', async () => {
    expect(await findFlaws(product, { terminated: wasReset })).toEqual([])
  })
})
