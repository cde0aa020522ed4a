import type { Stripe } from 'stripe'
import { BillingError } from '../../domain/errors.ts'
import { currency, money } from '../../domain/money.ts'
import type { Page, ProviderBooks, Shelf } from '../../domain/provider-books.ts'
import {
  toBalanceTransaction,
  toCharge,
  toCustomer,
  toDispute,
  toInvoice,
  toRefund,
  toSubscription,
} from './book-snapshots.ts'
import { translateStripeError } from './errors.ts'
import { idOf } from './snapshots.ts'

/** Stripe's lists are read with this many in a page: its most. */
const PAGE = 100

/** Stripe's own books.
 *  @param livemode whether there can be no test clocks */
export function createStripeBooks(stripe: Stripe, { livemode }: { livemode: boolean }): ProviderBooks {
  const withSource = ['data.source']
  return {
    customers: overClocks(
      stripe,
      livemode,
      (page) => stripe.customers.list(page),
      async (id) => {
        const customer = await stripe.customers.retrieve(id)
        return customer.deleted ? { id, claim: {}, isDeleted: true } : toCustomer(customer)
      },
      toCustomer,
    ),
    subscriptions: overClocks(
      stripe,
      livemode,
      (page) => stripe.subscriptions.list({ ...page, status: 'all' }),
      async (id) => toSubscription(await stripe.subscriptions.retrieve(id)),
      toSubscription,
    ),
    invoices: shelf(
      (page) => stripe.invoices.list({ ...page, expand: ['data.payments'] }),
      (id) => stripe.invoices.retrieve(id, { expand: ['payments'] }),
      toInvoice,
    ),
    charges: shelf(
      (page) => stripe.charges.list(page),
      (id) => stripe.charges.retrieve(id),
      toCharge,
    ),
    refunds: shelf(
      (page) => stripe.refunds.list(page),
      (id) => stripe.refunds.retrieve(id),
      toRefund,
    ),
    disputes: shelf(
      (page) => stripe.disputes.list(page),
      (id) => stripe.disputes.retrieve(id),
      toDispute,
    ),
    balanceTransactions: shelf(
      (page) => stripe.balanceTransactions.list({ ...page, expand: withSource }),
      (id) => stripe.balanceTransactions.retrieve(id, { expand: ['source'] }),
      toBalanceTransaction,
    ),

    balanceTransactionsAfter: translated(async (ending_before: string) => {
      const { data } = await stripe.balanceTransactions.list({
        limit: PAGE,
        ending_before,
        expand: withSource,
      })
      return data.map(toBalanceTransaction)
    }),

    transactionsOfPayout: translated(async (payout: string, after: string | undefined) => {
      const { data, has_more: hasMore } = await stripe.balanceTransactions.list({
        limit: PAGE,
        payout,
        ...(after !== undefined && { starting_after: after }),
      })
      const items = data.map(({ id }) => id)
      const last = items.at(-1)
      return { items, ...(hasMore && last !== undefined && { next: last }) }
    }),

    invoiceOfPayment: translated(async (payment_intent: string) => {
      const { data } = await stripe.invoicePayments.list({
        payment: { type: 'payment_intent', payment_intent },
        limit: 1,
      })
      return idOf(data[0]?.invoice)
    }),

    isCharged: translated(async (payment_intent: string) => {
      const { data } = await stripe.charges.list({ payment_intent, limit: PAGE })
      return data.some(({ status, captured }) => status === 'succeeded' && captured)
    }),

    readBalance: translated(async () => {
      const { available, pending } = await stripe.balance.retrieve()
      const sums = new Map<string, number>()
      for (const { amount, currency: code } of [...available, ...pending])
        sums.set(code, (sums.get(code) ?? 0) + amount)
      return [...sums].map(([code, amount]) => money(amount, currency(code)))
    }),
  }
}

interface PageParameters {
  limit: number
  starting_after?: string
}
interface List<Raw> {
  data: Raw[]
  has_more: boolean
}

function shelf<Raw extends { id?: string }, Item>(
  listRaw: (page: PageParameters) => Promise<List<Raw>>,
  readRaw: (id: string) => Promise<Raw>,
  toItem: (raw: Raw) => Item,
): Shelf<Item> {
  return {
    list: translated(async (cursor: string | undefined) => {
      const { data, has_more: hasMore } = await listRaw({
        limit: PAGE,
        ...(cursor !== undefined && { starting_after: cursor }),
      })
      const last = data.at(-1)?.id
      return { items: data.map(toItem), ...(hasMore && last !== undefined && { next: last }) }
    }),
    read: orMissing(async (id) => toItem(await readRaw(id))),
  }
}

/** Stripe leaves what hangs on a test clock out of lists that do not ask for that clock: after the list without one, each
 *  clock has its own. A cursor names both: `{clock}:{last id of the page}`. */
function overClocks<Raw extends { id: string }, Item>(
  stripe: Stripe,
  livemode: boolean,
  listRaw: (page: PageParameters & { test_clock?: string }) => Promise<List<Raw>>,
  read: (id: string) => Promise<Item>,
  toItem: (raw: Raw) => Item,
): Shelf<Item> {
  return {
    list: translated(async (cursor: string | undefined): Promise<Page<Item>> => {
      const [clock = '', after = ''] = cursor?.split(':') ?? []
      const { data, has_more: hasMore } = await listRaw({
        limit: PAGE,
        ...(clock !== '' && { test_clock: clock }),
        ...(after !== '' && { starting_after: after }),
      })
      const items = data.map(toItem)
      if (hasMore) return { items, next: `${clock}:${data.at(-1)?.id ?? ''}` }
      const nextClock = livemode ? undefined : await clockAfter(stripe, clock)
      return { items, ...(nextClock !== undefined && { next: `${nextClock}:` }) }
    }),
    read: orMissing(read),
  }
}

async function clockAfter(stripe: Stripe, clock: string): Promise<string | undefined> {
  const { data } = await stripe.testHelpers.testClocks.list({
    limit: 1,
    ...(clock !== '' && { starting_after: clock }),
  })
  return data[0]?.id
}

function translated<Parameters extends unknown[], Result>(
  call: (...parameters: Parameters) => Promise<Result>,
): (...parameters: Parameters) => Promise<Result> {
  return async (...parameters) => {
    try {
      return await call(...parameters)
    } catch (error) {
      throw translateStripeError(error)
    }
  }
}

function orMissing<Item>(read: (id: string) => Promise<Item>): (id: string) => Promise<Item | undefined> {
  const translatedRead = translated(read)
  return async (id) => {
    try {
      return await translatedRead(id)
    } catch (error) {
      if (error instanceof BillingError && error.code === 'provider_object_missing') return undefined
      throw error
    }
  }
}
