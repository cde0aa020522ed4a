import { eventually } from './eventually.ts'
import type { Product } from './product.ts'

export interface DifferenceShown {
  kind: string
  status: string
  project_id: string
  subject_id?: string
  stripe_id?: string
  ours: object
  stripes: object
}

export interface ReportShown {
  reconciliation_id: string
  status: string
  compared: number
  foreign: number
  stripe_calls: number
  differences: number
  repaired: number
  need_person: number
  balances: { currency: string; ledger: number; waiting: number; stripe: number }[]
  data: DifferenceShown[]
}

/** Has Stripe's books compared with ours, as an operator does over the API, and waits for the report. */
export async function reconcile(
  { operator }: Pick<Product, 'operator'>,
  within_ms?: number,
): Promise<ReportShown> {
  const begun = await operator.call('POST', '/api/v1/reconciliations', { body: {} })
  if (begun.status !== 202)
    throw new Error(`no reconciliation: ${begun.status} ${JSON.stringify(begun.body)}`)
  return reportOf({ operator }, String(begun.body.reconciliation_id), within_ms)
}

export function reportOf(
  { operator }: Pick<Product, 'operator'>,
  reconciliationId: string,
  within_ms = 90_000,
): Promise<ReportShown> {
  return eventually(
    `${reconciliationId} has ended`,
    async () => {
      const { status, body } = await operator.call(
        'GET',
        `/api/v1/reconciliations/${reconciliationId}?limit=100`,
      )
      if (status === 200 && body.status !== 'running') return body as unknown as ReportShown
      throw new Error(JSON.stringify(body))
    },
    { within_ms, every_ms: 200 },
  )
}

/** `kind status`, sorted. */
export const shortly = ({ data }: ReportShown) =>
  data.map(({ kind, status }) => `${kind} ${status}`).toSorted()
