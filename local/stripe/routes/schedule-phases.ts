import type { Account } from '../account.ts'
import { intervalAround, intervalsAfter, type Recurrence } from '../calendar.ts'
import { invalidRequest, missingParameter } from '../http/errors.ts'
import {
  boolean,
  currency,
  goneSince,
  hash,
  ignored,
  integer,
  list,
  metadata,
  nowOrTimestamp,
  oneOf,
  required,
  text,
  timestamp,
  unsupported,
} from '../http/parameters.ts'
import { changedMetadata } from '../objects/shared.ts'
import { newPhase, type SchedulePhase, type SubscriptionSchedule } from '../objects/subscription-schedule.ts'
import { currentPhaseOf } from '../processes/schedule-status.ts'
import { given } from './find.ts'

export const prorationBehavior = oneOf('always_invoice', 'create_prorations', 'none')

/** A phase as updates of a schedule describe it. */
export const phase = hash({
  add_invoice_items: unsupported(),
  application_fee_percent: unsupported(),
  automatic_tax: ignored(),
  billing_cycle_anchor: oneOf('automatic', 'phase_start'),
  billing_thresholds: unsupported(),
  collection_method: unsupported(),
  currency: currency(),
  default_payment_method: unsupported(),
  default_tax_rates: unsupported(),
  description: unsupported(),
  discounts: unsupported(),
  duration: hash({
    interval: required(oneOf('day', 'week', 'month', 'year')),
    interval_count: integer(1),
  }),
  end_date: timestamp(),
  invoice_settings: ignored(),
  items: required(
    list(
      hash({
        billing_thresholds: unsupported(),
        discounts: unsupported(),
        metadata: metadata(),
        plan: text(),
        price: text(),
        price_data: unsupported(),
        quantity: integer(0),
        tax_rates: unsupported(),
        trial: unsupported(),
      }),
      20,
    ),
  ),
  iterations: goneSince('2025-09-30.clover', integer(1)),
  metadata: metadata(),
  on_behalf_of: unsupported(),
  proration_behavior: prorationBehavior,
  start_date: nowOrTimestamp(),
  transfer_data: unsupported(),
  trial: boolean(),
  trial_end: timestamp(),
})

type WantedPhase = ReturnType<(typeof phase)['read']>

/** The phases from the one that runs on; those that are over may be named again, or left out. */
export function phasesOf(
  account: Account,
  schedule: SubscriptionSchedule,
  wanted: WantedPhase[],
): SchedulePhase[] {
  const current = currentPhaseOf(schedule)
  if (!current) throw new Error(`The active schedule ${schedule.id} has no current phase`)
  const ahead = wanted.filter(({ end_date: end }) => end === undefined || end > current.start_date)
  if (ahead.length === 0) throw missingParameter('phases[0]')
  const phases: SchedulePhase[] = []
  for (const [index, one] of ahead.entries()) {
    const param = `phases[${wanted.length - ahead.length + index}]`
    const start = phases.at(-1)?.end_date ?? current.start_date
    if (one.start_date !== undefined && one.start_date !== start)
      throw index === 0
        ? invalidRequest('You can not modify the start date of the current phase.', {
            param: `${param}[start_date]`,
          })
        : invalidRequest('The start date of a phase must be the end date of the phase before it.', {
            param: `${param}[start_date]`,
          })
    phases.push(phaseOf(account, schedule, one, start, param))
  }
  return phases
}

function phaseOf(
  account: Account,
  schedule: SubscriptionSchedule,
  wanted: WantedPhase,
  start: number,
  param: string,
): SchedulePhase {
  const { currency, billing_cycle_anchor } = account.subscriptions.must(schedule.subscription ?? '')
  const items = wanted.items.map((item, index) => {
    const id = item.price ?? item.plan
    if (id === undefined) throw missingParameter(`${param}[items][${index}][price]`)
    const price = given(account.prices, id, 'price', `${param}[items][${index}][price]`)
    if (!price.recurring || price.currency !== currency)
      throw invalidRequest('The price of a phase must recur, in the currency of the subscription.', {
        param: `${param}[items][${index}][price]`,
      })
    const quantity = item.quantity ?? 1
    return { price, recurring: price.recurring, quantity, metadata: changedMetadata({}, item.metadata) }
  })
  const [first] = items
  if (!first) throw missingParameter(`${param}[items]`)
  const length = wanted.duration
    ? { ...wanted.duration, interval_count: wanted.duration.interval_count ?? 1 }
    : { ...first.recurring, interval_count: first.recurring.interval_count * (wanted.iterations ?? 1) }
  const anchor = wanted.billing_cycle_anchor === 'phase_start' ? start : billing_cycle_anchor
  const end = wanted.end_date ?? endAfter(start, length, anchor)
  if (end <= Math.max(start, account.now(schedule)))
    throw invalidRequest('The end date of a phase must be in the future, and after its start date.', {
      param: `${param}[end_date]`,
    })
  const trialEnd = wanted.trial ? end : wanted.trial_end
  if (trialEnd !== undefined && (trialEnd <= start || trialEnd > end))
    throw invalidRequest('The trial of a phase must end within the phase.', { param: `${param}[trial_end]` })
  return newPhase({
    currency,
    start,
    end,
    trialEnd,
    items: items.map(({ price, quantity, metadata }) => ({ price: price.id, quantity, metadata })),
    // Unlike elsewhere, an empty value is kept: it takes the key from the subscription when the phase begins.
    metadata: Object.fromEntries(
      Object.entries(wanted.metadata ?? {}).map(([key, value]) => [key, value ?? '']),
    ),
    prorationBehavior: wanted.proration_behavior,
    billingCycleAnchor: wanted.billing_cycle_anchor,
  })
}

/** So many intervals after the start. Where a cycle begins there, its ends are met: a month from 28 February lasts until
 *  31 March when that is the day on which the subscription renews. */
function endAfter(start: number, length: Recurrence, anchor: number): number {
  const one = { interval: length.interval, interval_count: 1 }
  if (intervalAround(anchor, one, start).start !== start) return intervalsAfter(start, length, 1)
  let end = start
  for (let count = 0; count < length.interval_count; count += 1) end = intervalAround(anchor, one, end).end
  return end
}
