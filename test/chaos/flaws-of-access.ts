import type { CloudEvent } from '../../domain/events.ts'
import { atMost } from '../support/at-most.ts'
import { groupBy } from '../support/group-by.ts'
import type { Product } from '../support/product.ts'
import { ask, type PlayedProject } from './world.ts'

const MINUTE = 60_000

/** Access lasts as long as it was promised, no longer, and is the same in rows, answers and events.
 *  @returns a sentence for each user of whom that is not so. */
export async function flawsOfAccess(
  product: Pick<Product, 'sql'>,
  projects: PlayedProject[],
): Promise<string[]> {
  const found = await Promise.all([
    takenTooSoon(product),
    heldTooLong(product),
    graceOverrun(product),
    unequalAccess(product, projects),
  ])
  return found.flat()
}

/** Roles go before the promised time only with what ends or changes the subscription itself. */
async function takenTooSoon({ sql }: Pick<Product, 'sql'>): Promise<string[]> {
  const revoked = await sql<{ id: string; at: string }[]>`
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
            '%.subscription.plan_changed', '%.subscription.expired', '%.subscription.updated']))`
  return revoked.map(({ id, at }) => `access was taken at ${at}, within the grace of ${id}`)
}

/** A minute after the recorded end of a case, by the clock of the customer, nothing of it is held any more, unless another
 *  subscription of the user brings it. */
async function heldTooLong({ sql }: Pick<Product, 'sql'>): Promise<string[]> {
  const ended = await sql<{ id: string; key: string; endedAt: Date }[]>`
    select c.invoice_id as id, s.project_id || '/' || s.user_id as key, c.end_action_at as "endedAt"
    from dunning_cases c join subscriptions s using (project_id, subscription_id)
    where c.status = 'exhausted' and c.end_action_at is not null
      and not exists (select from subscriptions o where o.project_id = s.project_id and o.user_id = s.user_id
        and o.subscription_id <> s.subscription_id and coalesce(o.ended_at, 'infinity') >= c.end_action_at)`
  const held = await eventsOfRoles({ sql })
  return ended
    .filter(({ key, endedAt }) => {
      const until = (held.get(key) ?? []).filter(({ time }) => Date.parse(time) <= endedAt.getTime() + MINUTE)
      // Somebody has resumed it, or paid, in that same minute.
      const isBack = until.some(
        ({ type, time }) => type.endsWith('role_granted') && Date.parse(time) >= endedAt.getTime(),
      )
      return !isBack && rolesAfter(until).length > 0
    })
    .map(({ id, key }) => `${key} still has access a minute after the end of ${id}`)
}

/** Whoever has not paid has no access once the grace is over, though retries may go on. */
async function graceOverrun({ sql }: Pick<Product, 'sql'>): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select c.invoice_id as id from dunning_cases c join subscriptions s using (project_id, subscription_id)
      join customers u on (u.project_id, u.customer_id) = (c.project_id, c.customer_id)
      join test_clocks t on (t.project_id, t.clock_id) = (u.project_id, u.clock_id)
    where c.status in ('open', 'exhausted') and c.grace_until + interval '1 minute' < t.frozen_time
      and (s.status in ('active', 'trialing') or (s.status = 'past_due' and not s.grace_ended))`
  return rows.map(({ id }) => `there is access although the grace of ${id} is over`)
}

/** What the API answers, what the rows imply, and what the events have told are one. */
async function unequalAccess(product: Pick<Product, 'sql'>, projects: PlayedProject[]): Promise<string[]> {
  const { sql } = product
  const rows = await sql<{ key: string; roles: string[] }[]>`
    select s.project_id || '/' || s.user_id as key, p.roles from subscriptions s
      join plans p on (p.project_id, p.plan_id, p.version) = (s.project_id, s.plan_id, s.plan_version)
    where s.status in ('active', 'trialing') or (s.status = 'past_due' and not s.grace_ended)`
  const told = await eventsOfRoles(product)
  const users = projects.flatMap((project) =>
    [...project.users.values()].map(({ userId }) => ({
      ...project,
      userId,
      key: `${project.projectId}/${userId}`,
    })),
  )
  const flaws = await atMost(8, users, async ({ client, userId, key }) => {
    const { body } = await ask(client, 'GET', `/api/v1/subscriptions/${userId}`)
    const ofUser = rows.filter((row) => row.key === key)
    const implied = [...new Set(ofUser.flatMap(({ roles }) => roles))].toSorted()
    const seen = {
      answered: [body.has_access, body.roles],
      implied: [ofUser.length > 0, implied],
      told: [ofUser.length > 0, rolesAfter(told.get(key) ?? [])],
    }
    const isOne = new Set(Object.values(seen).map((view) => JSON.stringify(view))).size === 1
    return isOne ? [] : [`access of ${key} is not one: ${JSON.stringify(seen)}`]
  })
  return flaws.flat()
}

type RoleEvent = CloudEvent & { data: { role: string } }

/** By the key of their user, in order. */
async function eventsOfRoles({ sql }: Pick<Product, 'sql'>): Promise<Map<string, RoleEvent[]>> {
  const rows = await sql<{ message_key: string; envelope: string }[]>`
    select message_key, envelope from outbox where envelope like '%com.quittance.entitlement.role_%'
    order by message_key, position`
  const byKey = groupBy(rows, ({ message_key: key }) => key)
  return new Map(
    [...byKey].map(([key, ofKey]) => [key, ofKey.map(({ envelope }) => JSON.parse(envelope) as RoleEvent)]),
  )
}

function rolesAfter(events: RoleEvent[]): string[] {
  const held = new Set<string>()
  for (const { type, data } of events)
    if (type.endsWith('role_granted')) held.add(data.role)
    else held.delete(data.role)
  return [...held].toSorted()
}
