import { newId } from '../store/ids.ts'

export type Payout = ReturnType<typeof newPayout>

/** What leaves the balance for the bank account of the account's owner. */
export const newPayout = (given: { now: number; amount: number; currency: string }) => ({
  id: newId('po'),
  object: 'payout' as const,
  amount: given.amount,
  application_fee: null,
  application_fee_amount: null,
  arrival_date: given.now,
  automatic: true,
  balance_transaction: null as string | null,
  created: given.now,
  currency: given.currency,
  description: 'STRIPE PAYOUT',
  destination: 'ba_1LocalStripeBankAccountXX',
  failure_balance_transaction: null,
  failure_code: null,
  failure_message: null,
  livemode: false,
  metadata: {},
  method: 'standard',
  original_payout: null,
  payout_method: null,
  reconciliation_status: 'completed',
  reversed_by: null,
  source_type: 'card',
  statement_descriptor: null,
  status: 'in_transit' as 'in_transit' | 'paid',
  trace_id: null,
  type: 'bank_account',
})
