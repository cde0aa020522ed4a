import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CheckoutClient } from '../support/checkout-client.ts'
import { findFlaws } from '../support/invariants.ts'
import { cards } from '../support/local-stripe.ts'
import { type Product, startProduct } from '../support/product.ts'
import { later, makeClock } from '../support/test-clock.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct()
})
afterAll(() => product.end())

const start = '2027-01-10T12:00:00.000Z'
/** A month later, and an hour until Stripe has finalized the invoice. */
const failure = '2027-02-10T13:00:00.000Z'

interface Told {
  projectId: string
  userId: string
  subscriptionId: string
}

/** A year with a renewal that fails and is paid by a retry, changes of plan, and an end. */
async function liveAYear(projectId: string, client: CheckoutClient, isTold: boolean): Promise<Told> {
  const { stripe } = product
  const clock = await makeClock({ client, stripe }, start)
  const userId = 'lives-a-year'
  const { subscription_id: subscriptionId, stripe_subscription_id: stripeId } = await clock.subscribe(userId)
  const ask = async (what: string, body: object) => {
    const answer = await client.call('POST', `/api/v1/subscriptions/${subscriptionId}/${what}`, { body })
    if (answer.status !== 200) throw new Error(`${what}: ${JSON.stringify(answer.body)}`)
  }
  if (!isTold) await stripe.faults({ webhooks: { drop: 1 } })
  await stripe.changeCard(stripeId, cards.chargeDeclined)
  await clock.advanceTo(later(failure, 4))
  await stripe.changeCard(stripeId, cards.good)
  await clock.advanceTo(later(failure, 6))
  await ask('change-plan', { plan_id: 'team', when: 'now' })
  await clock.advanceTo('2027-04-20T12:00:00.000Z')
  await ask('change-plan', { plan_id: 'pro', when: 'period_end', quantity: 2 })
  await clock.advanceTo('2027-12-20T12:00:00.000Z')
  await ask('cancel', { at: 'period_end', reason: 'A year was enough.' })
  await clock.advanceTo('2028-01-12T12:00:00.000Z')
  await stripe.endFaults()
  return { projectId, userId, subscriptionId }
}

const begunAt = Date.now()

/** All that is left of it: rows, events and timeline. Ids are told apart by the order in which they appear, and what was
 *  stamped with our own time, as the checkout is, only by that. */
async function remains(client: CheckoutClient, { projectId, userId, subscriptionId }: Told) {
  const { sql } = product
  const [rows, cases, attempts, transfers, envelopes, timeline, access] = await Promise.all([
    sql`select to_jsonb(s) - '{created_at,updated_at,revision}'::text[] as row
      from subscriptions s where project_id = ${projectId}`,
    sql`select to_jsonb(c) - '{created_at,updated_at,taken_over_at,pay_url}'::text[] as row
      from dunning_cases c where project_id = ${projectId}`,
    sql`select to_jsonb(a) - '{claimed_at}'::text[] as row
      from dunning_attempts a where project_id = ${projectId} order by ordinal`,
    sql`select debit_account, credit_account, amount_minor, currency
      from ledger_transfers where project_id = ${projectId} order by 1, 2, 3`,
    sql`select topic, envelope::jsonb - '{id,recordedtime}'::text[] as event
      from outbox where project_id = ${projectId} order by message_key, position`,
    client.call('GET', `/api/v1/subscriptions/${subscriptionId}/timeline`),
    client.access(userId),
  ])
  const entries = (timeline.body.data as object[]).map((entry) => ({ ...entry, event_id: undefined }))
  const text = JSON.stringify({ rows, cases, attempts, transfers, envelopes, entries, access })
  const names = new Map<string, string>()
  const named = text.replaceAll(/\b(https?:[^"]*|[a-z]{2,4}_[A-Za-z0-9]{12,})/g, (id) => {
    const name = names.get(id) ?? `id-${names.size + 1}`
    names.set(id, name)
    return name
  })
  const timeless = named.replaceAll(/20\d\d-\d\d-\d\dT[\d:.]+Z/g, (time) => {
    const at = Date.parse(time)
    return at >= begunAt && at <= Date.now() ? 'meanwhile' : time
  })
  return JSON.parse(timeless) as Record<string, unknown[]>
}

describe('a year of which no webhook arrives', () => {
  it('leaves the same rows, events and timeline as one of which each arrives', async () => {
    const first = await product.registerProject()
    const second = await product.registerProject()
    const told = await liveAYear(first.projectId, first.client, true)
    const untold = await liveAYear(second.projectId, second.client, false)
    const asTold = await remains(first.client, told)
    expect(asTold.rows).toMatchObject([{ row: { status: 'canceled', plan_id: 'pro', quantity: 2 } }])
    expect(asTold.cases).toMatchObject([{ row: { status: 'recovered' } }])
    expect(await remains(second.client, untold)).toEqual(asTold)
    expect(await findFlaws(product, { webhooksLost: true })).toEqual([])
  })
})
