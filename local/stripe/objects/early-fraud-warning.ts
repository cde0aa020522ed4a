import { newId } from '../store/ids.ts'
import type { Charge } from './charge.ts'

export const fraudTypes = [
  'made_with_stolen_card',
  'card_never_received',
  'fraudulent_card_application',
  'made_with_counterfeit_card',
  'made_with_lost_card',
  'misc',
  'unauthorized_use_of_card',
] as const
export type FraudType = (typeof fraudTypes)[number]

export type EarlyFraudWarning = ReturnType<typeof newEarlyFraudWarning>

/** A bank has heard that a payment was fraud; a dispute may follow. */
export const newEarlyFraudWarning = (charge: Charge, fraudType: FraudType, now: number) => ({
  id: newId('issfr'),
  object: 'radar.early_fraud_warning' as const,
  actionable: true as boolean,
  charge: charge.id,
  created: now,
  fraud_type: fraudType,
  livemode: false,
  payment_intent: charge.payment_intent,
})
