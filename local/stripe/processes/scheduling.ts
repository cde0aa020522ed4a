import type { Account } from '../account.ts'
import type { ScheduleEnd, SchedulePhase, SubscriptionSchedule } from '../objects/subscription-schedule.ts'
import {
  newPhase,
  newSubscriptionSchedule,
  type ProrationBehavior,
} from '../objects/subscription-schedule.ts'
import type { Metadata } from '../objects/shared.ts'
import type { Subscription } from '../objects/subscription.ts'
import { newSubscriptionItem } from '../objects/subscription-item.ts'
import { present } from '../present.ts'
import { changeSubscription } from './changing-subscription.ts'
import { isChange, periodAround, type ItemChange } from './prorating.ts'
import { currentPhaseOf, endPhaseJob, releaseSchedule, scheduleOf } from './schedule-status.ts'
import { planCancellation, planTrialNotice } from './subscription-status.ts'

/** Lets a subscription follow a schedule, whose first phase is the period that runs
 *  (https://docs.stripe.com/billing/subscriptions/subscription-schedules). */
export function scheduleSubscription(account: Account, subscription: Subscription): SubscriptionSchedule {
  const items = account.subscriptionItems.where('subscription', subscription.id)
  const phase = newPhase({
    currency: subscription.currency,
    start: Math.min(...items.map((item) => item.current_period_start)),
    end: Math.min(...items.map((item) => item.current_period_end)),
    items,
    trialEnd: subscription.status === 'trialing' ? subscription.trial_end : null,
  })
  const endBehavior = subscription.cancel_at === null ? 'release' : 'cancel'
  const now = account.now(subscription)
  const schedule = account.subscriptionSchedules.insert(
    newSubscriptionSchedule({ now, subscription, endBehavior, phase }),
  )
  const previous = account.subscriptions.change(subscription, { schedule: schedule.id })
  account.agenda.plan(endPhaseJob, schedule.id, phase.end_date, schedule.test_clock)
  account.emit('subscription_schedule.created', schedule)
  account.emit('customer.subscription.updated', subscription, previous)
  return schedule
}

export interface ScheduleChange {
  defaultPaymentMethod?: string | undefined
  endBehavior?: ScheduleEnd | undefined
  metadata?: Metadata | undefined
  /** The phase that runs and all that come after it. */
  phases?: SchedulePhase[] | undefined
  /** How a change of the phase that runs is billed. */
  prorations: ProrationBehavior
}

export function changeSchedule(
  account: Account,
  schedule: SubscriptionSchedule,
  { defaultPaymentMethod, endBehavior, metadata, phases, prorations }: ScheduleChange,
): void {
  const [current] = phases ?? []
  const past = schedule.phases.filter(({ end_date }) => end_date <= (schedule.current_phase?.start_date ?? 0))
  const previous = account.subscriptionSchedules.change(schedule, {
    ...(defaultPaymentMethod && {
      default_settings: { ...schedule.default_settings, default_payment_method: defaultPaymentMethod },
    }),
    ...(endBehavior && { end_behavior: endBehavior }),
    ...(metadata && { metadata }),
    ...(phases && { phases: [...past, ...phases] }),
    ...(current && { current_phase: { end_date: current.end_date, start_date: current.start_date } }),
  })
  if (Object.keys(previous).length > 0) account.emit('subscription_schedule.updated', schedule, previous)
  const subscription = account.subscriptions.must(schedule.subscription ?? '')
  if (current) {
    account.agenda.plan(endPhaseJob, schedule.id, current.end_date, schedule.test_clock)
    const items = changesTo(account, subscription, current)
    const trialEnd =
      current.trial_end === null || current.trial_end === subscription.trial_end
        ? undefined
        : current.trial_end
    const change = { fields: {}, items, prorations, resetsAnchor: false, trialEnd }
    if (items.some(isChange) || trialEnd !== undefined)
      changeSubscription(account, subscription, change, 'change_anyway')
    if (trialEnd !== undefined) planTrialNotice(account, subscription)
  }
  planEnd(account, schedule, subscription)
}

/** A schedule that ends with the subscription is a cancellation planned for the end of its last phase. */
function planEnd(account: Account, schedule: SubscriptionSchedule, subscription: Subscription): void {
  const end = schedule.end_behavior === 'cancel' ? (schedule.phases.at(-1)?.end_date ?? null) : null
  if (subscription.cancel_at === end) return
  const before = present(account, subscription)
  planCancellation(account, subscription, end)
  account.emit('customer.subscription.updated', subscription, before)
}

/** Ends a schedule by hand. The subscription goes on, and what the schedule had planned for its end is forgotten. */
export function release(account: Account, schedule: SubscriptionSchedule, keepsCancellation: boolean): void {
  const subscription = account.subscriptions.must(schedule.subscription ?? '')
  const before = present(account, subscription)
  releaseSchedule(account, schedule)
  if (schedule.end_behavior === 'cancel' && !keepsCancellation) planCancellation(account, subscription, null)
  account.emit('customer.subscription.updated', subscription, before)
}

/** At a renewal the phase that is over makes room for the next: its items take the places of those whose period is over,
 *  at no cost, for the renewal bills them. After the last phase the schedule lets go. The renewal tells the world. */
export function startDuePhase(account: Account, subscription: Subscription, at: number): void {
  const due = duePhaseOf(account, subscription, at)
  if (!due) return
  const { schedule, next } = due
  if (!next) return releaseSchedule(account, schedule)
  begin(account, schedule, next)
  if (next.trial_end !== null) return enter(account, subscription, next)
  const anchor = next.billing_cycle_anchor === 'phase_start' ? at : subscription.billing_cycle_anchor
  account.subscriptions.change(subscription, {
    billing_cycle_anchor: anchor,
    ...fieldsIn(account, subscription, next),
  })
  const renewed = ({ item, price, deleted }: ItemChange): boolean =>
    (!item || item.current_period_end <= at) && (deleted || periodAround(anchor, price, at).start === at)
  const changes = changesTo(account, subscription, next)
  for (const change of changes.filter(renewed)) replaceItem(account, subscription, change, at)
  // What runs beyond this renewal, or begins in the middle of a period of its own, is prorated as the phase wants it.
  const items = changes.filter((change) => !renewed(change) && isChange(change))
  if (items.length === 0) return
  const change = { fields: {}, items, prorations: next.proration_behavior, resetsAnchor: false }
  changeSubscription(account, subscription, change, 'change_anyway')
}

/** A phase is over in the middle of a period. */
export function endPhase(account: Account, id: string): void {
  const schedule = account.subscriptionSchedules.get(id)
  const subscription = account.subscriptions.get(schedule?.subscription ?? '')
  const due = subscription && duePhaseOf(account, subscription, account.now(subscription))
  if (!due) return
  const { next } = due
  if (!next) {
    const before = present(account, subscription)
    releaseSchedule(account, due.schedule)
    account.emit('customer.subscription.updated', subscription, before)
    return
  }
  begin(account, due.schedule, next)
  enter(account, subscription, next)
}

/** Changes a subscription to what a phase wants of it, as whoever changes it directly would. */
function enter(account: Account, subscription: Subscription, phase: SchedulePhase): void {
  const change = {
    fields: fieldsIn(account, subscription, phase),
    items: changesTo(account, subscription, phase),
    prorations: phase.proration_behavior,
    resetsAnchor: phase.billing_cycle_anchor === 'phase_start' && phase.trial_end === null,
    trialEnd: phase.trial_end ?? undefined,
  }
  changeSubscription(account, subscription, change, 'change_anyway')
  if (phase.trial_end !== null) planTrialNotice(account, subscription)
}

function duePhaseOf(
  account: Account,
  subscription: Subscription,
  at: number,
): { schedule: SubscriptionSchedule; next: SchedulePhase | undefined } | undefined {
  const schedule = scheduleOf(account, subscription)
  const current = schedule && currentPhaseOf(schedule)
  if (!current || current.end_date > at) return undefined
  return { schedule, next: schedule.phases.find(({ start_date }) => start_date === current.end_date) }
}

function begin(
  account: Account,
  schedule: SubscriptionSchedule,
  { start_date, end_date }: SchedulePhase,
): void {
  const previous = account.subscriptionSchedules.change(schedule, { current_phase: { end_date, start_date } })
  account.agenda.plan(endPhaseJob, schedule.id, end_date, schedule.test_clock)
  account.emit('subscription_schedule.updated', schedule, previous)
}

/** What a phase sets when it begins, whatever was set meanwhile: among it the card that all phases share. */
function fieldsIn(account: Account, subscription: Subscription, phase: SchedulePhase): Partial<Subscription> {
  const card = scheduleOf(account, subscription)?.default_settings.default_payment_method
  return { metadata: metadataIn(subscription, phase), ...(card && { default_payment_method: card }) }
}

/** A phase adds its metadata to the subscription's when it begins; an empty value takes a key away. */
const metadataIn = ({ metadata }: Subscription, phase: SchedulePhase): Metadata =>
  Object.fromEntries(Object.entries({ ...metadata, ...phase.metadata }).filter(([, value]) => value !== ''))

/** What makes of a subscription's items those of a phase. An item of the same price stays; the others take each other's
 *  places in their order, so that one plan after the other is one and the same item. */
function changesTo(account: Account, subscription: Subscription, { items }: SchedulePhase): ItemChange[] {
  const left = account.subscriptionItems.where('subscription', subscription.id)
  const take = (isIt: (price: string) => boolean) => {
    const at = left.findIndex(({ price }) => isIt(price))
    return at < 0 ? undefined : left.splice(at, 1)[0]
  }
  const same = items.map(({ price }) => take((one) => one === price))
  const wanted = items.map(({ price, quantity }, index) => ({
    item: same[index] ?? take(() => true),
    price: account.prices.must(price),
    quantity,
    deleted: false,
  }))
  const gone = left.map((item) => ({
    item,
    price: account.prices.must(item.price),
    quantity: item.quantity,
    deleted: true,
  }))
  return [...wanted, ...gone]
}

function replaceItem(
  account: Account,
  subscription: Subscription,
  { item, price, quantity, deleted }: ItemChange,
  at: number,
): void {
  const { subscriptionItems } = account
  if (!item)
    subscriptionItems.insert(
      newSubscriptionItem({
        now: at,
        subscription: subscription.id,
        price: price.id,
        quantity,
        period: { start: at, end: at },
        metadata: {},
      }),
    )
  else if (deleted) subscriptionItems.remove(item)
  else subscriptionItems.change(item, { price: price.id, quantity })
}
