import { newId } from '../store/ids.ts'
import type { Metadata } from './shared.ts'
import type { Subscription } from './subscription.ts'

export type ScheduleStatus = 'not_started' | 'active' | 'completed' | 'released' | 'canceled'
export type ScheduleEnd = 'release' | 'cancel'
export type ProrationBehavior = 'always_invoice' | 'create_prorations' | 'none'

export interface PhaseItem {
  price: string
  quantity: number
  metadata: Metadata
}

export interface NewPhase {
  currency: string
  start: number
  end: number
  items: PhaseItem[]
  metadata?: Metadata | undefined
  prorationBehavior?: ProrationBehavior | undefined
  billingCycleAnchor?: 'automatic' | 'phase_start' | undefined
  trialEnd?: number | null | undefined
}

export type SchedulePhase = ReturnType<typeof newPhase>

export const newPhase = (given: NewPhase) => ({
  add_invoice_items: [],
  application_fee_percent: null,
  automatic_tax: { disabled_reason: null, enabled: false, liability: null },
  billing_cycle_anchor: given.billingCycleAnchor ?? null,
  billing_thresholds: null,
  collection_method: null,
  currency: given.currency,
  default_payment_method: null,
  default_tax_rates: [],
  description: null,
  discounts: [],
  end_date: given.end,
  invoice_settings: null,
  items: given.items.map(newPhaseItem),
  metadata: given.metadata ?? {},
  on_behalf_of: null,
  proration_behavior: given.prorationBehavior ?? 'create_prorations',
  start_date: given.start,
  transfer_data: null,
  trial_end: given.trialEnd ?? null,
})

/** An item with its price under both of its names. */
export const newPhaseItem = ({ price, quantity, metadata }: PhaseItem) => ({
  billing_thresholds: null,
  discounts: [],
  metadata,
  plan: price,
  price,
  quantity,
  tax_rates: [],
})

export type SubscriptionSchedule = ReturnType<typeof newSubscriptionSchedule>

/** A schedule made of a subscription that runs: one phase, as long as its period. */
export function newSubscriptionSchedule(given: {
  now: number
  subscription: Subscription
  endBehavior: ScheduleEnd
  phase: SchedulePhase
}) {
  const { now, subscription, phase } = given
  return {
    id: newId('sub_sched'),
    object: 'subscription_schedule' as const,
    application: null,
    billing_mode: subscription.billing_mode,
    canceled_at: null as number | null,
    completed_at: null as number | null,
    created: now,
    current_phase: { end_date: phase.end_date, start_date: phase.start_date } as {
      end_date: number
      start_date: number
    } | null,
    customer: subscription.customer,
    customer_account: null,
    default_settings: {
      application_fee_percent: null,
      automatic_tax: { disabled_reason: null, enabled: false, liability: null },
      billing_cycle_anchor: 'automatic',
      billing_thresholds: null,
      collection_method: subscription.collection_method,
      default_payment_method: subscription.default_payment_method,
      default_source: null,
      description: subscription.description,
      invoice_settings: {
        account_tax_ids: null,
        custom_fields: null,
        days_until_due: subscription.days_until_due,
        description: null,
        footer: null,
        issuer: { type: 'self' },
      },
      on_behalf_of: null,
      transfer_data: null,
    },
    end_behavior: given.endBehavior,
    livemode: false,
    metadata: {} as Metadata,
    pause_schedules: [],
    phases: [phase],
    released_at: null as number | null,
    released_subscription: null as string | null,
    status: 'active' as ScheduleStatus,
    subscription: subscription.id as string | null,
    test_clock: subscription.test_clock,
  }
}
