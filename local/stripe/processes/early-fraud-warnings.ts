import type { Account } from '../account.ts'
import type { Charge } from '../objects/charge.ts'
import {
  newEarlyFraudWarning,
  type EarlyFraudWarning,
  type FraudType,
} from '../objects/early-fraud-warning.ts'

export function warnOfFraud(account: Account, charge: Charge, fraudType: FraudType): EarlyFraudWarning {
  const warning = account.earlyFraudWarnings.insert(
    newEarlyFraudWarning(charge, fraudType, account.nowOf(charge.customer)),
  )
  account.emit('radar.early_fraud_warning.created', warning)
  settleWarnings(account, charge)
  return warning
}

/** Nothing can be done about a warning any more once the charge is refunded in full, or disputed. */
export function settleWarnings(account: Account, charge: Charge): void {
  if (!charge.refunded && !charge.disputed) return
  for (const warning of account.earlyFraudWarnings.where('charge', charge.id)) {
    if (!warning.actionable) continue
    const previous = account.earlyFraudWarnings.change(warning, { actionable: false })
    account.emit('radar.early_fraud_warning.updated', warning, previous)
  }
}
