import { inProject } from '../db/client.ts'
import { type CustomerRow, forgetStripeCustomer, readCustomer, setStripeCustomer } from '../db/customers.ts'
import { readTestClock } from '../db/test-clocks.ts'
import { BillingError } from '../domain/errors.ts'
import type { ActivityDependencies } from './dependencies.ts'
import { runEffect } from './effect.ts'

/** Does something for a customer at the provider. Where that fails because somebody has deleted the customer there, another one
 *  is made, and it is done for them: a user who once was deleted can buy again. */
export async function withCustomerAtProvider<Result>(
  dependencies: ActivityDependencies,
  customer: CustomerRow,
  work: (providerCustomerId: string) => Promise<Result>,
): Promise<Result> {
  const { database, provider } = dependencies
  const { projectId, customerId } = customer
  const stripeCustomerId = await ensureCustomerAtProvider(dependencies, customer)
  try {
    return await work(stripeCustomerId)
  } catch (error) {
    const isMissing = error instanceof BillingError && error.code === 'provider_object_missing'
    if (!isMissing || (await provider.isCustomerThere(stripeCustomerId))) throw error
  }
  const gone = { stripeCustomerId, effectIntent: creation(customer) }
  const forgotten = await inProject(database, projectId, async (transaction) => {
    await forgetStripeCustomer(transaction, customer, gone)
    return readCustomer(transaction, projectId, customerId)
  })
  return work(await ensureCustomerAtProvider(dependencies, forgotten))
}

const creation = ({ customerId }: CustomerRow) => `${customerId}/create`

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
    effect: { projectId, intent: creation(customer) },
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
