import type { Product } from '../support/product.ts'
import type { PlayedProject } from './world.ts'

/** Retries on their days, none of any kind after the end, every outcome known, and each end acted upon.
 *  @returns a sentence for each case that was worked through otherwise. */
export async function flawsOfDunning(
  product: Pick<Product, 'sql'>,
  projects: PlayedProject[],
): Promise<string[]> {
  const found = await Promise.all([
    untimelyRetries(product, projects),
    triesAfterEnd(product),
    unfinishedCases(product),
  ])
  return found.flat()
}

/** A scheduled retry comes on its day: not before it, and not after the jump of the clock that reached it. Where several fell
 *  due at once the last of them stands for all, and nobody can retry what had not been seen to fail. */
async function untimelyRetries({ sql }: Pick<Product, 'sql'>, projects: PlayedProject[]): Promise<string[]> {
  const retries = await sql<{ project: string; id: string; intent: string; at: Date; due: Date }[]>`
    select a.project_id as project, a.invoice_id as id, a.intent, a.started_at as at, 
      c.failed_at + (c.policy->'retries'->>(split_part(a.intent, '/', 2)::int - 1))::interval as due
    from dunning_attempts a join dunning_cases c using (project_id, invoice_id) where a.trigger = 'schedule'`
  return retries
    .filter(({ project, at, due }) => {
      const jumps = projects.find(({ projectId }) => projectId === project)?.jumps ?? []
      const reachedBy = jumps.find((to) => to >= due.getTime()) ?? Infinity
      return at < due || at.getTime() > reachedBy
    })
    .map(
      ({ id, intent, at, due }) =>
        `${id} was retried at ${at.toISOString()} as ${intent}, which was due at ${due.toISOString()}`,
    )
}

/** Ours are claimed in real time, as the end is recorded; those of others are told by Stripe, by the clock of the customer. A
 *  claim that waits for the lock of the end has begun a moment before it. */
async function triesAfterEnd({ sql }: Pick<Product, 'sql'>): Promise<string[]> {
  const tries = await sql<{ id: string; intent: string; status: string }[]>`
    select c.invoice_id as id, a.intent, c.status
    from dunning_attempts a join dunning_cases c using (project_id, invoice_id)
    where (a.trigger = 'schedule' and a.started_at > c.ended_at)
      or (c.status in ('recovered', 'voided', 'canceled') and a.started_at > c.ended_at)
      or exists (select from facts f where f.project_id = c.project_id
        and f.intent in (c.invoice_id || '/recovered', c.invoice_id || '/canceled')
        and a.intent like '%/%' and a.claimed_at > f.recorded_at + interval '1 second')`
  return tries.map(({ id, intent, status }) => `${id} was tried as ${intent} after its end as ${status}`)
}

async function unfinishedCases({ sql }: Pick<Product, 'sql'>): Promise<string[]> {
  const [unknown, missed, kept] = await Promise.all([
    sql<{ id: string; intent: string }[]>`
      select invoice_id as id, intent from dunning_attempts where outcome is null`,
    sql<{ id: string }[]>`
      select c.invoice_id as id from dunning_cases c join customers using (project_id, customer_id)
        join test_clocks t using (project_id, clock_id)
      where (c.status = 'open' and c.next_retry_at <= t.frozen_time)
        or (c.status = 'exhausted' and c.end_action_at is null)`,
    sql<{ id: string }[]>`
      select c.invoice_id as id from dunning_cases c join subscriptions s using (project_id, subscription_id)
      where c.status = 'exhausted' and c.end_action_at is not null and c.policy->>'onExhausted' = 'cancel'
        and s.status <> 'canceled'`,
  ])
  return [
    ...unknown.map(({ id, intent }) => `nobody knows what has come of ${intent} of ${id}`),
    ...missed.map(({ id }) => `what was due for ${id} was not done`),
    ...kept.map(({ id }) => `the subscription of ${id} goes on after its end was recorded`),
  ]
}
