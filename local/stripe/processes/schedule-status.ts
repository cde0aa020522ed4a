import type { Account } from '../account.ts'
import type { Subscription } from '../objects/subscription.ts'
import {
  newPhaseItem,
  type SchedulePhase,
  type SubscriptionSchedule,
} from '../objects/subscription-schedule.ts'

export const endPhaseJob = 'end_schedule_phase'

/** The schedule that a subscription follows, if it follows one. */
export const scheduleOf = (account: Account, subscription: Subscription): SubscriptionSchedule | undefined =>
  account.subscriptionSchedules.get(subscription.schedule ?? '')

export const currentPhaseOf = ({ phases, current_phase }: SubscriptionSchedule): SchedulePhase | undefined =>
  phases.find(({ start_date }) => start_date === current_phase?.start_date)

/** Lets go of the subscription, which goes on as it is. The caller tells of the subscription. */
export function releaseSchedule(account: Account, schedule: SubscriptionSchedule): void {
  const subscription = account.subscriptions.get(schedule.subscription ?? '')
  if (subscription) account.subscriptions.change(subscription, { schedule: null })
  account.agenda.cancel(endPhaseJob, schedule.id)
  account.subscriptionSchedules.change(schedule, {
    status: 'released',
    released_at: account.now(schedule),
    released_subscription: schedule.subscription,
    subscription: null,
    current_phase: null,
  })
  account.emit('subscription_schedule.released', schedule)
}

/** The subscription has ended: by the schedule's own plan, because nobody paid, or because somebody wanted it. */
export function endScheduleWith(
  account: Account,
  subscription: Subscription,
  reason: 'cancellation_requested' | 'payment_failed',
): void {
  const schedule = scheduleOf(account, subscription)
  if (schedule?.status !== 'active') return
  const now = account.now(schedule)
  const planned = schedule.end_behavior === 'cancel' && (schedule.phases.at(-1)?.end_date ?? Infinity) <= now
  account.agenda.cancel(endPhaseJob, schedule.id)
  account.subscriptionSchedules.change(schedule, {
    ...(planned ? { status: 'completed', completed_at: now } : { status: 'canceled', canceled_at: now }),
    current_phase: null,
  })
  const how = planned ? 'completed' : reason === 'payment_failed' ? 'aborted' : 'canceled'
  account.emit(`subscription_schedule.${how}`, schedule)
}

/** Whoever changes the items of a subscription directly changes the phase that runs, and not those to come. */
export function followItems(account: Account, subscription: Subscription): void {
  const schedule = scheduleOf(account, subscription)
  const current = schedule && currentPhaseOf(schedule)
  if (!schedule || !current) return
  const items = account.subscriptionItems
    .where('subscription', subscription.id)
    .map(({ price, quantity, metadata }) => newPhaseItem({ price, quantity, metadata }))
  const phases = schedule.phases.map((phase) => (phase === current ? { ...phase, items } : phase))
  const previous = account.subscriptionSchedules.change(schedule, { phases })
  if (previous.phases) account.emit('subscription_schedule.updated', schedule, previous)
}
