import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from './eventually.ts'
import { mailDomain } from './leaks.ts'
import type { Product } from './product.ts'

export interface Customer {
  userId: string
  paymentId: string
  buysPlan: boolean
}

const eventsOfProduct = ['payment.created', 'payment.succeeded']
const eventsOfPlan = [
  'entitlement.role_granted',
  'payment.created',
  'payment.succeeded',
  'subscription.activated',
  'subscription.created',
]

/** Customers who buy a product or a plan in turn and pay as soon as their page is open. With a pause between them, whatever
 *  happens meanwhile finds each at another moment. */
export function sendCustomers(
  { client, stripe }: Product,
  { count, prefix = 'user', every_ms = 0 }: { count: number; prefix?: string; every_ms?: number },
): Promise<Customer[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Customer> => {
      await sleep(index * every_ms)
      const userId = `${prefix}-${index}`
      const buysPlan = index % 2 === 1
      const purchase = buysPlan ? { plan_id: 'pro' } : { product_id: 'book' }
      const email = `${userId}@${mailDomain}`
      const payment = await client.openPayment({ user_id: userId, email, ...purchase })
      await stripe.pay(payment.checkout_session_id)
      return { userId, paymentId: payment.payment_id, buysPlan }
    }),
  )
}

/** Waits until each has paid and Kafka tells all of it.
 *  @returns a sentence for each of whom something else is told. */
export async function untilServed(
  product: Product,
  customers: Customer[],
  within_ms = 90_000,
): Promise<string[]> {
  const { sql, events, projectId } = product
  await eventually(
    'every payment succeeds',
    async () => {
      const succeeded = await sql<{ payment_id: string }[]>`
        select payment_id from payments where status = 'succeeded'`
      const paid = new Set(succeeded.map((row) => row.payment_id))
      const missing = customers.filter(({ paymentId }) => !paid.has(paymentId))
      if (missing.length > 0) throw new Error(`missing: ${missing.map(({ paymentId }) => paymentId).join()}`)
      return true
    },
    { within_ms, every_ms: 200 },
  )
  const expected = ({ buysPlan }: Customer) => (buysPlan ? eventsOfPlan : eventsOfProduct)
  await eventually(
    'every event is on Kafka',
    () => {
      const missing = customers.filter(
        (customer) => events.typesOf(projectId, customer.userId).length < expected(customer).length,
      )
      if (missing.length > 0) throw new Error(`of ${missing.map(({ userId }) => userId).join()}`)
      return true
    },
    { within_ms, every_ms: 200 },
  )
  return customers.flatMap((customer) => {
    const told = events.typesOf(projectId, customer.userId).toSorted().join()
    return told === expected(customer).join() ? [] : [`of ${customer.userId} Kafka tells ${told}`]
  })
}
