import { idOf } from '../../providers/stripe/snapshots.ts'
import { differencesOfBooks, readBooks } from '../support/books.ts'
import { eventually } from '../support/eventually.ts'
import { findFlaws } from '../support/invariants.ts'
import type { Product } from '../support/product.ts'
import { createRandom, sample } from '../support/random.ts'
import { ask, type PlayedProject } from './world.ts'

/** Looks for broken invariants when all has come to rest, beyond those that `findFlaws` knows.
 *  @param readsAtMost how many objects are asked for by projects that do not own them; each by each when left out
 *  @returns a sentence for each, with its number and its objects. */
export async function findBroken(
  product: Product,
  projects: PlayedProject[],
  { readsAtMost = Infinity }: { readsAtMost?: number } = {},
): Promise<string[]> {
  const flaws = await findFlaws(product, { webhooksLost: true })
  flaws.push(
    ...named('I2', await unevenBooks(projects)),
    ...named('I4', await chargesAfterEnd(product, projects)),
    ...named('I9', await flawsOfDunning(product)),
    ...named('I10', await foreignObjects(product, projects, readsAtMost)),
    ...named('I6', await changesByRepeats(product)),
  )
  return flaws
}

const named = (invariant: string, flaws: string[]) => flaws.map((flaw) => `${invariant}: ${flaw}`)

/** The debits of each currency are its credits, as the API shows the accounts. */
async function unevenBooks(projects: PlayedProject[]): Promise<string[]> {
  const flaws: string[] = []
  for (const { client, projectId } of projects) {
    const { body } = await ask(client, 'GET', '/api/v1/ledger/accounts')
    const sums = new Map<string, number>()
    for (const { currency, normal_side, balance } of body.data as {
      currency: string
      normal_side: 'debit' | 'credit'
      balance: number
    }[])
      sums.set(currency, (sums.get(currency) ?? 0) + (normal_side === 'debit' ? balance : -balance))
    for (const [currency, sum] of sums)
      if (sum !== 0) flaws.push(`the accounts of ${projectId} differ by ${sum} ${currency}`)
  }
  return flaws
}

/** No invoice of a subscription is charged after Stripe has ended it, by Stripe's own order of events. What is canceled in the
 *  dashboard can be crossed by the one charge that is on its way to Stripe in that moment. */
async function chargesAfterEnd({ stripe }: Product, projects: PlayedProject[]): Promise<string[]> {
  const crossable = new Set(
    projects.flatMap(({ users }) => [...users.values()].flatMap(({ canceledAtStripe }) => canceledAtStripe)),
  )
  const chargedLater = new Map<string, number>()
  const flaws: string[] = []
  // Newest first.
  for await (const { type, data } of stripe.sdk.events.list({ limit: 100 })) {
    const object = data.object as {
      id: string
      amount_paid?: number
      parent?: { subscription_details?: { subscription?: string | { id: string } } | null } | null
    }
    if (type === 'invoice.paid' && (object.amount_paid ?? 0) > 0) {
      const subscriptionId = idOf(object.parent?.subscription_details?.subscription ?? null)
      if (subscriptionId) chargedLater.set(subscriptionId, (chargedLater.get(subscriptionId) ?? 0) + 1)
    }
    if (type !== 'customer.subscription.deleted') continue
    const times = chargedLater.get(object.id) ?? 0
    if (times > (crossable.has(object.id) ? 1 : 0))
      flaws.push(`${object.id} was charged ${times} times after its end`)
  }
  return flaws
}

/** Scheduled retries come on their days and not after the end, and access lasts as long as it was promised. */
async function flawsOfDunning({ sql }: Product): Promise<string[]> {
  const [retries, revoked, kept] = await Promise.all([
    sql<{ id: string; intent: string; at: Date }[]>`
      select a.invoice_id as id, a.intent, a.started_at as at
      from dunning_attempts a join dunning_cases c using (project_id, invoice_id)
      where a.trigger = 'schedule' and (a.started_at > c.ended_at
        or a.started_at < c.failed_at + ((c.policy->'retries'->>(split_part(a.intent, '/', 2)::int - 1))::interval))`,
    // Roles go before the promised time only with what ends or changes the subscription itself.
    sql<{ id: string; at: string }[]>`
      select c.invoice_id as id, o.envelope::jsonb->>'time' as at
      from dunning_cases c join customers u using (project_id, customer_id)
        join outbox o on o.message_key = c.project_id || '/' || u.user_id
      where o.envelope::jsonb->>'type' = 'com.quittance.entitlement.role_revoked'
        and (o.envelope::jsonb->>'time')::timestamptz > c.failed_at
        and (o.envelope::jsonb->>'time')::timestamptz < least(c.grace_until, c.ended_at)
        and not exists (
          select from outbox e where e.message_key = o.message_key
            and e.envelope::jsonb->>'time' = o.envelope::jsonb->>'time'
            and e.envelope::jsonb->>'type' like any (array['%.subscription.canceled', '%.subscription.paused',
              '%.subscription.plan_changed', '%.subscription.expired', '%.subscription.updated']))`,
    sql<{ id: string }[]>`
      select c.invoice_id as id from dunning_cases c join subscriptions s using (project_id, subscription_id)
      where c.status = 'exhausted' and c.end_action_at is not null and c.policy->>'onExhausted' = 'cancel'
        and s.status <> 'canceled'`,
  ])
  return [
    ...retries.map(
      ({ id, intent, at }) => `${id} was retried at ${at.toISOString()} as ${intent}, which is not its time`,
    ),
    ...revoked.map(({ id, at }) => `access was taken at ${at}, within the grace of ${id}`),
    ...kept.map(({ id }) => `the subscription of ${id} goes on after its end was recorded`),
  ]
}

/** Nobody reads what belongs to another project. */
async function foreignObjects(
  { sql }: Product,
  projects: PlayedProject[],
  readsAtMost: number,
): Promise<string[]> {
  const rows = await sql<{ project: string; path: string }[]>`
    select project_id as project, 'payments/' || payment_id || '/status' as path from payments
    union all select project_id, 'subscriptions/' || subscription_id from subscriptions
    union all select project_id, 'refunds/' || refund_id from refunds order by 2`
  const random = createRandom(rows.length)
  const perProject = Math.ceil(readsAtMost / projects.length)
  const flaws: string[] = []
  for (const { client, projectId } of projects)
    for (const { project, path } of sample(random, rows, perProject)) {
      const { status } = await ask(client, 'GET', `/api/v1/${path}`)
      // Users have the names of their project, so a user of that name is not there either.
      if ((project === projectId) !== (status === 200))
        flaws.push(`${projectId} is answered ${status} for ${path} of ${project}`)
    }
  return flaws
}

/** Webhooks that come once more change nothing. */
async function changesByRepeats(product: Product): Promise<string[]> {
  const before = await readBooks(product)
  const { data } = await product.stripe.sdk.events.list({ limit: 40 })
  for (const event of data) await product.sendWebhook(event)
  await eventually('all are handled', async () => {
    const rows = await product.sql`select from inbox where handled_at is null`
    return rows.length === 0
  })
  const found = await findFlaws(product, { webhooksLost: true })
  return [...found, ...differencesOfBooks(before, await readBooks(product))]
}
