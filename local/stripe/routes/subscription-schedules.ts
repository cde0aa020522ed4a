import type { Account } from '../account.ts'
import { invalidRequest, notSupportedHere } from '../http/errors.ts'
import { pageOf, pagingByTime, within } from '../http/lists.ts'
import {
  boolean,
  hash,
  ignored,
  list,
  metadata,
  oneOf,
  range,
  text,
  unsupported,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { changedMetadata } from '../objects/shared.ts'
import type { SubscriptionSchedule } from '../objects/subscription-schedule.ts'
import { cancelAndSettle } from '../processes/canceling.ts'
import { findPaymentMethod } from '../processes/payment-methods.ts'
import { changeSchedule, release, scheduleSubscription } from '../processes/scheduling.ts'
import { given, named } from './find.ts'
import { phase, phasesOf, prorationBehavior } from './schedule-phases.ts'

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
  default_settings: hash({
    application_fee_percent: unsupported(),
    automatic_tax: unsupported(),
    billing_cycle_anchor: unsupported(),
    billing_thresholds: unsupported(),
    collection_method: unsupported(),
    default_payment_method: text(),
    description: unsupported(),
    invoice_settings: unsupported(),
    on_behalf_of: unsupported(),
    transfer_data: unsupported(),
  }),
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
  const card = params.default_settings?.default_payment_method
  changeSchedule(account, schedule, {
    defaultPaymentMethod:
      card === undefined
        ? undefined
        : findPaymentMethod(account, card, 'default_settings[default_payment_method]').id,
    endBehavior: params.end_behavior,
    metadata: changedMetadata(schedule.metadata, params.metadata),
    phases: params.phases && phasesOf(account, schedule, params.phases),
    prorations: params.proration_behavior ?? 'create_prorations',
  })
  return schedule
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
