import type { Product } from '../support/product.ts'
import type { PlayedProject } from './world.ts'

/** A wallet says the same in each of its books, and each credit came and went once.
 *  @returns a sentence for each that does not. */
export async function flawsOfCredits(
  { sql }: Pick<Product, 'sql'>,
  projects: PlayedProject[],
): Promise<string[]> {
  const [wallets, packs, uses] = await Promise.all([
    sql<{ id: string; balance: number; lots: number; last: number; movements: number; ledger: number }[]>`
      select w.project_id || '/' || w.user_id as id, balance::float8,
        (select coalesce(sum(remaining), 0) from credit_lots l
          where (l.project_id, l.customer_id) = (w.project_id, w.customer_id))::float8 as lots,
        coalesce((select balance_after from wallet_transactions t
          where (t.project_id, t.customer_id, t.number) = (w.project_id, w.customer_id, w.movements)), 0)::float8 as last,
        (select coalesce(sum(amount), 0) from wallet_transactions t
          where (t.project_id, t.customer_id) = (w.project_id, w.customer_id))::float8 as movements,
        (select coalesce(sum(case when credit_account = 'customer_credits' then amount_minor
            when debit_account = 'customer_credits' then -amount_minor else 0 end), 0)
          from ledger_transfers join ledger_entries e using (project_id, entry_id)
          where currency = 'credits' and e.project_id = w.project_id and e.user_id = w.user_id)::float8 as ledger
      from wallets w`,
    sql<{ id: string; status: string; lots: number }[]>`
      select payment_id as id, status, (select count(*)::int from credit_lots l
        where l.project_id = p.project_id and l.payment_id = p.payment_id and l.kind = 'purchase') as lots
      from payments p where type = 'credits'`,
    sql<{ project: string; usage: string; times: number; amount: number }[]>`
      select project_id as project, reference as usage, count(*)::int as times, -sum(amount)::float8 as amount
      from wallet_transactions where kind = 'consumption' group by 1, 2`,
  ])
  const used = new Map(uses.map((row) => [`${row.project}/${row.usage}`, row]))
  const answered = projects.flatMap(({ projectId, users }) =>
    [...users.values()].flatMap(({ usages }) => usages.map((usage) => ({ projectId, ...usage }))),
  )
  const isPaid = (status: string) => /^(succeeded|partially_refunded|refunded)$/.test(status)
  return [
    ...wallets
      .filter(({ balance, ...others }) =>
        [others.lots, others.last, others.movements, others.ledger].some((sum) => sum !== balance),
      )
      .map((wallet) => `I2: a wallet does not add up: ${JSON.stringify(wallet)}`),
    ...packs
      .filter(({ status, lots }) => lots !== (isPaid(status) ? 1 : 0))
      .map(({ id, status, lots }) => `I1: the pack of ${id}, which has ${status}, has brought ${lots} lots`),
    ...answered
      .filter(({ projectId, usageId, amount, wasDone }) => {
        const row = used.get(`${projectId}/${usageId}`)
        return wasDone ? row?.times !== 1 || row.amount !== amount : row !== undefined
      })
      .map((usage) => `I2: a usage is not in the books as answered: ${JSON.stringify(usage)}`),
    ...[...used.values()]
      .filter(({ times }) => times > 1)
      .map(({ usage, times }) => `I2: ${usage} was consumed ${times} times`),
  ]
}
