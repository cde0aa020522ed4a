import type { Account } from '../account.ts'
import { intervalAround, intervalsAfter, type Recurrence } from '../calendar.ts'
import { invalidRequest, missingParameter, notSupportedHere } from '../http/errors.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
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
  range,
  required,
  text,
  timestamp,
  unsupported,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { changedMetadata } from '../objects/shared.ts'
import { newPhase, type SchedulePhase, type SubscriptionSchedule } from '../objects/subscription-schedule.ts'
import { cancelAndSettle } from '../processes/canceling.ts'
import { currentPhaseOf } from '../processes/schedule-status.ts'
import { changeSchedule, release, scheduleSubscription } from '../processes/scheduling.ts'
import { given, named } from './find.ts'

const prorationBehavior = oneOf('always_invoice', 'create_prorations', 'none')

const phase = hash({
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
  trial_end: unsupported(),
})

type WantedPhase = ReturnType<(typeof phase)['read']>

const createShape = {
  billing_mode: ignored(),
  customer: unsupported(),
  customer_account: unsupported(),
  default_settings: unsupported(),
  end_behavior: oneOf('cancel', 'release'),
  from_subscription: text(),
  metadata: metadata(),
  pause_schedules: unsupported(),
  phases: list(phase),
  start_date: unsupported(),
}

function create(account: Account, params: Parsed<typeof createShape>): SubscriptionSchedule {
  if (params.from_subscription === undefined)
    throw notSupportedHere('a schedule without `from_subscription`', 'from_subscription')
  const other = (['end_behavior', 'metadata', 'phases'] as const).find((name) => params[name] !== undefined)
  if (other)
    throw invalidRequest(
      `You cannot set \`${other}\` when \`from_subscription\` is set: make the schedule first, and then update it.`,
      { param: other },
    )
  const subscription = given(
    account.subscriptions,
    params.from_subscription,
    'subscription',
    'from_subscription',
  )
  if (subscription.schedule)
    throw invalidRequest(
      `You cannot migrate a subscription that is already attached to a schedule: \`${subscription.schedule}\`.`,
      { param: 'from_subscription' },
    )
  if (!['active', 'trialing', 'past_due'].includes(subscription.status))
    throw invalidRequest(
      `You cannot attach a schedule to a subscription with the status \`${subscription.status}\`.`,
      { param: 'from_subscription' },
    )
  return scheduleSubscription(account, subscription)
}

const updateShape = {
  default_settings: unsupported(),
  end_behavior: oneOf('cancel', 'release'),
  metadata: metadata(),
  pause_schedules: unsupported(),
  phases: list(phase),
  proration_behavior: prorationBehavior,
}

function update(
  account: Account,
  schedule: SubscriptionSchedule,
  params: Parsed<typeof updateShape>,
): SubscriptionSchedule {
  requireActive(schedule, 'update')
  changeSchedule(account, schedule, {
    endBehavior: params.end_behavior,
    metadata: changedMetadata(schedule.metadata, params.metadata),
    phases: params.phases && phasesOf(account, schedule, params.phases),
    prorations: params.proration_behavior ?? 'create_prorations',
  })
  return schedule
}

/** The phases from the one that runs on; those that are over may be named again, or left out. */
function phasesOf(account: Account, schedule: SubscriptionSchedule, wanted: WantedPhase[]): SchedulePhase[] {
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
  if (wanted.trial) throw notSupportedHere('a trial in a phase', `${param}[trial]`)
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
  return newPhase({
    currency,
    start,
    end,
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

function requireActive({ status }: SubscriptionSchedule, verb: string): void {
  if (status === 'active' || status === 'not_started') return
  throw invalidRequest(
    `You cannot ${verb} a subscription schedule that is currently in the \`${status}\` status. It must be in \`not_started\`, \`active\` status to be ${verb === 'cancel' ? 'canceled' : `${verb}d`}.`,
  )
}

const scheduleNamed = (account: Account, id: string): SubscriptionSchedule =>
  named(account.subscriptionSchedules, id, 'subscription_schedule')

export const subscriptionScheduleRoutes = [
  route('POST', '/v1/subscription_schedules', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/subscription_schedules',
    {
      ...pagingByTime,
      canceled_at: range(),
      completed_at: range(),
      customer: text(),
      customer_account: unsupported(),
      released_at: range(),
      scheduled: boolean(),
    },
    ({ account, params }) => {
      const { subscriptionSchedules: schedules } = account
      const found =
        params.customer === undefined ? schedules.all() : schedules.where('customer', params.customer)
      const isIn = (time: number | null, wanted: typeof params.created): boolean =>
        wanted === undefined || (time !== null && within(time, wanted))
      return pageOf(
        found.filter(
          (schedule) =>
            within(schedule.created, params.created) &&
            isIn(schedule.canceled_at, params.canceled_at) &&
            isIn(schedule.completed_at, params.completed_at) &&
            isIn(schedule.released_at, params.released_at) &&
            (params.scheduled !== true || schedule.status === 'not_started'),
        ),
        params,
        '/v1/subscription_schedules',
      )
    },
  ),
  route('GET', '/v1/subscription_schedules/:schedule', {}, ({ account, path }) =>
    scheduleNamed(account, path('schedule')),
  ),
  route('POST', '/v1/subscription_schedules/:schedule', updateShape, ({ account, params, path }) =>
    update(account, scheduleNamed(account, path('schedule')), params),
  ),
  route(
    'POST',
    '/v1/subscription_schedules/:schedule/release',
    { preserve_cancel_date: boolean() },
    ({ account, params, path }) => {
      const schedule = scheduleNamed(account, path('schedule'))
      requireActive(schedule, 'release')
      release(account, schedule, params.preserve_cancel_date ?? false)
      return schedule
    },
  ),
  route(
    'POST',
    '/v1/subscription_schedules/:schedule/cancel',
    { invoice_now: boolean(), prorate: boolean() },
    ({ account, params, path }) => {
      const schedule = scheduleNamed(account, path('schedule'))
      requireActive(schedule, 'cancel')
      const subscription = account.subscriptions.get(schedule.subscription ?? '')
      if (subscription)
        cancelAndSettle(account, subscription, {
          prorate: params.prorate ?? true,
          invoiceNow: params.invoice_now ?? true,
        })
      return schedule
    },
  ),
]
