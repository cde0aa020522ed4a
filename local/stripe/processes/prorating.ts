import type { Account } from '../account.ts'
import { intervalAround } from '../calendar.ts'
import type { Invoice } from '../objects/invoice.ts'
import type { CreditedItems, LineItem, Period } from '../objects/line-item.ts'
import { amountOf, type Price } from '../objects/price.ts'
import type { Subscription } from '../objects/subscription.ts'
import type { SubscriptionItem } from '../objects/subscription-item.ts'

/** What a subscription's item becomes; an item that is new has none to come from. */
export interface ItemChange {
  item: SubscriptionItem | undefined
  price: Price
  quantity: number
  deleted: boolean
}

/** Whether a change makes anything else of an item. */
export const isChange = ({ item, price, quantity, deleted }: ItemChange): boolean =>
  deleted || !item || item.price !== price.id || item.quantity !== quantity

/** What a change in the middle of a period costs, or gives back, for one item. */
export interface Proration {
  amount: number
  description: string
  period: Period
  price: Price
  quantity: number
  /** The line that was paid for the time which is given back. */
  creditedItems: CreditedItems | null
}

/** A proration with the item of the subscription that it belongs to. */
export interface ItemProration extends Proration {
  subscriptionItem: string
}

/** The part of an amount that belongs to what is left of a period, by the second, rounded half up. */
export const remainingAmount = (amount: number, { start, end }: Period, at: number): number =>
  Math.round((amount * (end - at)) / (end - start))

/** What the time costs until the first whole period begins. */
export const amountUntilAnchor = (anchor: number, price: Price, quantity: number, now: number): number =>
  remainingAmount(amountOf(price, quantity), periodAround(anchor, price, now), now)

/** The period of a price that a moment falls into, counted from the anchor of the billing cycle. */
export function periodAround(anchor: number, { recurring }: Price, at: number): Period {
  if (!recurring) throw new Error('Only what recurs has periods')
  return intervalAround(anchor, recurring, at)
}

/** Gives back the time of the old price that will not be used. */
export function creditFor(
  account: Account,
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
): Proration {
  const price = account.prices.must(item.price)
  // A first period that was shorter than the others was paid for by its part.
  const { start } = periodAround(subscription.billing_cycle_anchor, price, item.current_period_start)
  const period = { start, end: item.current_period_end }
  return {
    amount: -remainingAmount(amountOf(price, item.quantity), period, at),
    description: `Unused time on ${unitsOf(account, price, item.quantity)} after ${dateOf(at)}`,
    period: { start: at, end: period.end },
    price,
    quantity: item.quantity,
    creditedItems: lineThatPaid(account, subscription, item),
  }
}

/** What is given back of all items where a subscription ends, or stops for a while, within its period. */
export const unusedTimeOf = (
  account: Account,
  subscription: Subscription,
  from: 'now' | 'item_current_period_start',
): ItemProration[] =>
  account.subscriptionItems
    .where('subscription', subscription.id)
    .map((item) => {
      const at = from === 'now' ? account.now(subscription) : item.current_period_start
      return { ...creditFor(account, subscription, item, at), subscriptionItem: item.id }
    })
    .filter(({ amount }) => amount < 0)

/** Charges for the time that is left, at the new price. */
export const chargeFor = (
  account: Account,
  { price, quantity }: ItemChange,
  period: Period,
  at: number,
): Proration => ({
  amount: remainingAmount(amountOf(price, quantity), period, at),
  description: `Remaining time on ${unitsOf(account, price, quantity)} after ${dateOf(at)}`,
  period: { start: at, end: period.end },
  price,
  quantity,
  creditedItems: null,
})

/** In these lines, unlike in others, one unit goes without saying. */
function unitsOf(account: Account, price: Price, quantity: number): string {
  const { name } = account.products.must(price.product)
  return quantity === 1 ? name : `${quantity} × ${name}`
}

/** `10 Nov 2025` */
const dateOf = (at: number): string =>
  new Intl.DateTimeFormat('en-GB', {
    day: '2-digit',
    month: 'short',
    year: 'numeric',
    timeZone: 'UTC',
  }).format(at * 1000)

function lineThatPaid(
  account: Account,
  subscription: Subscription,
  item: SubscriptionItem,
): CreditedItems | null {
  const isIt = ({ amount, parent, period }: LineItem): boolean =>
    amount > 0 &&
    parent.subscription_item_details?.subscription_item === item.id &&
    period.end === item.current_period_end
  const invoice = account.invoices
    .where('subscription', subscription.id)
    .findLast((one: Invoice) => one.status !== 'void' && one.lines.some(isIt))
  const lines = invoice?.lines.filter(isIt).map(({ id }) => id) ?? []
  return invoice ? { invoice: invoice.id, invoice_line_items: lines } : null
}
