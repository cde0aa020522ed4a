import { inProject } from '../db/client.ts'
import { type CustomerRow, setStripeCustomer } from '../db/customers.ts'
import { readTestClock } from '../db/test-clocks.ts'
import { BillingError } from '../domain/errors.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'

/** The provider's id of a customer, who is made there on first need. */
export async function ensureCustomerAtProvider(
  { database, provider, now }: ActivityDependencies,
  customer: CustomerRow,
): Promise<string> {
  const { projectId, customerId, userId, clockId } = customer
  if (customer.stripeCustomerId !== null) return customer.stripeCustomerId
  const clock =
    clockId === null
      ? undefined
      : await inProject(database, projectId, (transaction) => readTestClock(transaction, projectId, clockId))
  // Made without its clock, a customer could never join it.
  if (clock?.stripeTestClockId === null) throw new BillingError('outcome_pending')
  const providerCustomerId = await runEffect({
    database,
    effect: { projectId, intent: `${customerId}/create` },
    now: now(),
    lookUp: () => provider.findCustomer(customerId),
    call: (effectKey) =>
      provider.createCustomer(
        {
          projectId,
          customerId,
          userId,
          email: customer.email ?? undefined,
          providerClockId: clock?.stripeTestClockId ?? undefined,
        },
        effectKey,
      ),
  })
  await inProject(database, projectId, (transaction) =>
    setStripeCustomer(transaction, customer, providerCustomerId),
  )
  return providerCustomerId
}
