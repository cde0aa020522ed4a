import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import type { Subscription } from '../objects/subscription.ts'
import { newSubscriptionItem, type SubscriptionItem } from '../objects/subscription-item.ts'
import type { CancellationTime } from './subscription-status.ts'
import { followItems } from './schedule-status.ts'
import {
  chargeFor,
  creditFor,
  isChange,
  periodAround,
  type ItemChange,
  type ItemProration,
} from './prorating.ts'

export interface SubscriptionChange {
  /** What is simply written: metadata, description, the card. */
  fields: Partial<Subscription>
  items: ItemChange[]
  prorations: 'create_prorations' | 'always_invoice' | 'none'
  /** The moment from which a new price counts; now, when none is named. */
  prorationDate?: number | undefined
  /** A new cycle begins now. */
  resetsAnchor: boolean
  /** `now` ends a trial, a time moves its end. */
  trialEnd?: 'now' | number | undefined
  /** Null undoes a cancellation that was planned. */
  cancelAt?: CancellationTime | null | undefined
}

/** A change worked out, and nothing of it written yet. */
export interface PlannedChange {
  /** What the subscription itself becomes. */
  fields: Partial<Subscription>
  /** All its items as they will be; one that is new has its id already. */
  items: SubscriptionItem[]
  prorations: ItemProration[]
  /** A new cycle begins, and is charged for whole. */
  restarts: boolean
  /** An invoice is made at once, and does not wait for the next renewal. */
  billsNow: boolean
}

/** Works out what a change makes of a subscription, and what it costs: what was paid and is not used is given back, what
 *  is new is charged for, to the second. */
export function planChange(
  account: Account,
  subscription: Subscription,
  change: SubscriptionChange,
): PlannedChange {
  const now = account.now(subscription)
  const endsTrial = subscription.status === 'trialing' && change.trialEnd === 'now'
  const startsTrial = subscription.status !== 'trialing' && typeof change.trialEnd === 'number'
  const restarts = change.resetsAnchor || endsTrial || startsTrial
  const fields: Partial<Subscription> = {
    ...change.fields,
    ...(restarts && { billing_cycle_anchor: now }),
    ...(endsTrial && { status: 'active', trial_end: now }),
    ...(startsTrial && { status: 'trialing', trial_start: now }),
    ...(typeof change.trialEnd === 'number' && {
      trial_end: change.trialEnd,
      billing_cycle_anchor: change.trialEnd,
    }),
  }
  const existing = account.subscriptionItems.where('subscription', subscription.id)
  const after = { ...subscription, ...fields }
  const changes = restarts ? [...change.items, ...untouched(account, existing, change.items)] : change.items
  const planned = changes.map((one) => ({ ...one, after: itemAfter(after, one, restarts, now) }))
  const kept = existing.flatMap((item) => {
    const change = planned.find((one) => one.item === item)
    if (change) return change.after ? [change.after] : []
    return [after.status === 'trialing' ? { ...item, current_period_end: after.trial_end ?? 0 } : item]
  })
  const added = planned.flatMap(({ item, after }) => (item || !after ? [] : [after]))
  const prorations = prorationsOf(account, subscription, planned, change, restarts, now)
  return {
    fields,
    items: [...kept, ...added],
    prorations,
    restarts,
    billsNow: restarts || (change.prorations === 'always_invoice' && prorations.length > 0),
  }
}

/** Makes of a subscription what was planned. The caller tells the world. */
export function applyPlan(
  account: Account,
  subscription: Subscription,
  { fields, items }: Pick<PlannedChange, 'fields' | 'items'>,
): void {
  const { subscriptions, subscriptionItems } = account
  subscriptions.change(subscription, fields)
  for (const item of subscriptionItems.where('subscription', subscription.id))
    if (!items.some(({ id }) => id === item.id)) subscriptionItems.remove(item)
  for (const item of items) {
    const known = subscriptionItems.get(item.id)
    if (known) subscriptionItems.change(known, item)
    else subscriptionItems.insert(item)
  }
  followItems(account, subscription)
}

/** When the cycle begins anew, it does for every item. */
const untouched = (account: Account, items: SubscriptionItem[], changes: ItemChange[]): ItemChange[] =>
  items
    .filter((item) => !changes.some((change) => change.item === item))
    .map((item) => ({
      item,
      price: account.prices.must(item.price),
      quantity: item.quantity,
      deleted: false,
    }))

function itemAfter(
  after: Subscription,
  { item, price, quantity, deleted }: ItemChange,
  restarts: boolean,
  now: number,
): SubscriptionItem | undefined {
  if (item && deleted) return undefined
  const period = periodAfter(after, { item, price }, restarts, now)
  if (!item)
    return newSubscriptionItem({
      now,
      subscription: after.id,
      price: price.id,
      quantity,
      period,
      metadata: {},
    })
  return {
    ...item,
    price: price.id,
    quantity,
    current_period_start: period.start,
    current_period_end: period.end,
  }
}

function periodAfter(
  after: Subscription,
  { item, price }: Pick<ItemChange, 'item' | 'price'>,
  restarts: boolean,
  now: number,
): { start: number; end: number } {
  if (after.status === 'trialing' && after.trial_end !== null)
    return { start: restarts ? now : (item?.current_period_start ?? now), end: after.trial_end }
  // The period that runs goes on with another quantity.
  if (item?.price === price.id && !restarts)
    return { start: item.current_period_start, end: item.current_period_end }
  return periodAround(after.billing_cycle_anchor, price, now)
}

function prorationsOf(
  account: Account,
  subscription: Subscription,
  changes: (ItemChange & { after: SubscriptionItem | undefined })[],
  { prorations, prorationDate }: SubscriptionChange,
  restarts: boolean,
  now: number,
): ItemProration[] {
  if (prorations === 'none' || subscription.status === 'trialing') return []
  const at = prorationDate ?? now
  return changes
    .filter((change) => restarts || isChange(change))
    .flatMap((change) => {
      const { item, price, deleted, after } = change
      if (item) checkProrationDate(item, at)
      // Of a period that is over nothing is left to give back.
      const credit =
        item && item.current_period_end > at
          ? [{ ...creditFor(account, subscription, item, at), subscriptionItem: item.id }]
          : []
      // A cycle that begins anew is charged for whole, by the lines of its invoice.
      if (deleted || restarts || !after) return credit
      const period = periodAround(subscription.billing_cycle_anchor, price, at)
      return [...credit, { ...chargeFor(account, change, period, at), subscriptionItem: after.id }]
    })
}

/** Time can only be given back out of the period that was paid for. */
function checkProrationDate(
  { current_period_start: start, current_period_end: end }: SubscriptionItem,
  at: number,
) {
  if (at >= start && at <= end) return
  throw invalidRequest(
    `Cannot specify \`proration_date\` outside of the subscription's current period: ${at} is not between ${start} and ${end}.`,
    { param: 'proration_date' },
  )
}
