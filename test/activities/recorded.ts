import postgres from 'postgres'
import { expect } from 'vitest'
import { inProject } from '../../db/client.ts'
import {
  audit,
  ledgerEntries,
  ledgerTransfers,
  outbox,
  paymentAttempts,
  payments,
  subscriptions,
} from '../../db/schema/index.ts'
import type { CloudEvent } from '../../domain/events.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { Seeded } from '../support/seed.ts'

/** What a project's records say, read as the application reads them. */
export async function recorded({ connections }: Seeded, projectId: ProjectId) {
  return inProject(connections.application, projectId, async (transaction) => {
    const rows = await transaction.select().from(outbox).orderBy(outbox.id)
    const events = rows.map(({ envelope, topic, messageKey, position }) => ({
      ...(JSON.parse(envelope) as CloudEvent),
      topic,
      messageKey,
      position,
    }))
    return {
      payments: await transaction.select().from(payments),
      attempts: await transaction.select().from(paymentAttempts).orderBy(paymentAttempts.stripeChargeId),
      subscriptions: await transaction.select().from(subscriptions),
      entries: await transaction.select().from(ledgerEntries).orderBy(ledgerEntries.intent),
      transfers: await transaction.select().from(ledgerTransfers),
      audit: await transaction.select().from(audit).orderBy(audit.id),
      events,
      /** `payment.succeeded`, in the order in which they were written. */
      told: events.map(({ type }) => type.replace('com.quittance.', '')),
    }
  })
}

/** No consumer can miss an event unnoticed: sequences per topic and subject and positions per key count up from one. */
export function expectNoGaps({ events }: Awaited<ReturnType<typeof recorded>>): void {
  const counts = new Map<string, number>()
  const counted = (key: string) => {
    counts.set(key, (counts.get(key) ?? 0) + 1)
    return counts.get(key)
  }
  for (const { topic, subject, sequence, messageKey, position } of events) {
    expect(sequence).toBe(counted(`${topic} ${subject}`))
    expect(position).toBe(counted(messageKey))
  }
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
}

/** What every account of every project holds, per currency: debits less credits. */
export async function ledgerSums({ database }: Seeded): Promise<{ currency: string; sum: string }[]> {
  const sql = postgres(database.superuserUrl, { max: 1, onnotice: () => {} })
  try {
    return await sql<{ currency: string; sum: string }[]>`
      select currency, sum(balance)::text as sum from (
        select currency, sum(amount_minor) as balance from ledger_transfers group by currency, debit_account
        union all
        select currency, -sum(amount_minor) from ledger_transfers group by currency, credit_account
      ) as accounts group by currency order by currency`
  } finally {
    await sql.end()
  }
}

export const sixteenTimes = <Result>(work: () => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: 16 }, work))
