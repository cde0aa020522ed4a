import { findLatestPlan } from '../db/catalog.ts'
import { inProject } from '../db/client.ts'
import type { SubscriptionWithPlan } from '../db/subscriptions.ts'
import { BillingError } from '../domain/errors.ts'
import type { ProjectId } from '../domain/ids.ts'
import type { ApiDependencies } from './dependencies.ts'

/** @throws BillingError when the project does not sell the plan, or in another currency. */
export async function findSoldPlan(
  { application }: ApiDependencies,
  projectId: ProjectId,
  { plan }: SubscriptionWithPlan,
  planId: string,
) {
  const wanted = await inProject(application, projectId, (transaction) =>
    findLatestPlan(transaction, projectId, planId),
  )
  if (!wanted)
    throw new BillingError('plan_not_found', {
      fields: [
        {
          path: 'plan_id',
          message: `plan_id must name a plan that this project sells; it does not sell "${planId}".`,
        },
      ],
    })
  if (wanted.currency !== plan.currency)
    throw new BillingError('currency_mismatch', {
      fields: [
        {
          path: 'plan_id',
          message: `plan_id must name a plan in ${plan.currency}; "${planId}" is sold in ${wanted.currency}. To move there, cancel and start a new checkout.`,
        },
      ],
    })
  return wanted
}
