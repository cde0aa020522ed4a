import type { Account } from '../account.ts'
import type { Invoice } from '../objects/invoice.ts'
import { subscriptionLine, type LineItem } from '../objects/line-item.ts'
import { amountOf, type Price } from '../objects/price.ts'
import { formatAmount } from '../objects/shared.ts'
import type { Subscription } from '../objects/subscription.ts'
import type { SubscriptionItem } from '../objects/subscription-item.ts'

/** The line of an item for its current period, which costs nothing during a trial. */
export function fullPeriodLine(
  account: Account,
  invoice: Invoice,
  subscription: Subscription,
  item: SubscriptionItem,
): LineItem {
  const trial = subscription.status === 'trialing'
  const price = account.prices.must(item.price)
  return subscriptionLine({
    invoice: invoice.id,
    subscription: subscription.id,
    subscriptionItem: item.id,
    price,
    quantity: item.quantity,
    amount: trial ? 0 : amountOf(price, item.quantity),
    unitAmountDecimal: trial ? '0' : price.unit_amount_decimal,
    description: trial
      ? `Free trial for ${unitsOf(account, price, item.quantity)}`
      : `${unitsOf(account, price, item.quantity)} (at ${rateOf(price)})`,
    period: { start: item.current_period_start, end: item.current_period_end },
    metadata: subscription.metadata,
  })
}

/** `10 user × Team plan`; products without a name for their unit go without. */
function unitsOf(account: Account, price: Price, quantity: number): string {
  const product = account.products.must(price.product)
  return `${quantity}${product.unit_label ? ` ${product.unit_label}` : ''} × ${product.name}`
}

/** `/ month`, or `every 3 months`; nothing for what is paid once. */
export function frequencyOf({ recurring }: Price): string {
  if (!recurring) return ''
  const { interval, interval_count: count } = recurring
  return count === 1 ? `/ ${interval}` : `every ${count} ${interval}s`
}

/** `$25.00 / month`: an amount, by default the price of one unit, with how often it is paid. */
export function rateOf(price: Price, amount = Math.round(Number(price.unit_amount_decimal))): string {
  return `${formatAmount(amount, price.currency)} ${frequencyOf(price)}`.trimEnd()
}
