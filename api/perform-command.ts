import { inProject } from '../db/client.ts'
import { findCustomerOfUser } from '../db/customers.ts'
import { listCases, owedBy } from '../db/dunning.ts'
import { readPayment } from '../db/payments.ts'
import { type CommandRow, findCommand } from '../db/subscription-commands.ts'
import { findSubscription, type SubscriptionWithPlan, toKnown } from '../db/subscriptions.ts'
import { readTestClock } from '../db/test-clocks.ts'
import { type CommandRefusal, refusalOf, type SubscriptionCommand } from '../domain/commands.ts'
import { BillingError } from '../domain/errors.ts'
import { isId, type ProjectId, type SubscriptionId } from '../domain/ids.ts'
import type { KnownSubscription } from '../domain/subscription.ts'
import type { SubscriptionStart } from '../inbox/starts.ts'
import type { Tenant } from './context.ts'
import type { ApiDependencies } from './dependencies.ts'
import { findSoldPlan } from './find-sold-plan.ts'
import type { SubscriptionUpdate } from './orchestrator.ts'
import { showSubscriptions } from './show-subscription.ts'

interface Commanded {
  found: SubscriptionWithPlan
  known: KnownSubscription
  start: SubscriptionStart
  /** By its test clock, where it has one. */
  now: number
  /** What became of the command when it was asked before. */
  earlier: CommandRow | undefined
}

/** The subscription that a command is for, as it stands.
 *  @throws BillingError `not_found`. */
export async function findCommanded(
  { application, livemode }: ApiDependencies,
  projectId: ProjectId,
  name: string,
  commandId = '',
): Promise<Commanded> {
  if (!isId('sbs', name)) throw new BillingError('not_found')
  const commanded = await inProject(application, projectId, async (transaction) => {
    const found = await findSubscription(transaction, projectId, name)
    if (!found || found.subscription.livemode !== livemode) return undefined
    const { subscription } = found
    const [cases, payment, customer, earlier] = await Promise.all([
      listCases(transaction, projectId, [name]),
      readPayment(transaction, projectId, subscription.paymentId),
      findCustomerOfUser(transaction, projectId, { userId: subscription.userId, livemode }),
      findCommand(transaction, { projectId, subscriptionId: name, commandId }),
    ])
    const clockId = customer?.clockId ?? null
    const clock = clockId === null ? undefined : await readTestClock(transaction, projectId, clockId)
    const start: SubscriptionStart = { ...subscription, correlationId: payment.correlationId, clockId }
    const now = clock?.frozenTime.getTime() ?? Date.now()
    return { found, known: toKnown(found, owedBy(cases)), start, now, earlier }
  })
  if (!commanded) throw new BillingError('not_found')
  return commanded
}

/** @throws BillingError with why a command cannot be carried out as far as the row tells, and what may be done instead. */
export function refuseImpossible({ known, now }: Commanded, command: SubscriptionCommand): void {
  const refusal = refusalOf(command, known, now)
  if (refusal) throw toError(refusal)
}

function toError({ code, detail, facts }: CommandRefusal): BillingError {
  return new BillingError(code, { detail, ...(facts && { facts }) })
}

/** Has a subscription do what was asked of it, once however often the request comes.
 *  @returns the subscription as it is then.
 *  @throws BillingError with why not. */
export async function performCommand(
  dependencies: ApiDependencies,
  { tenant, seed }: { tenant: Tenant; seed: Buffer },
  asked: { name: string; command: SubscriptionCommand; update: (by: string) => SubscriptionUpdate },
) {
  const { application, orchestrator } = dependencies
  const { projectId, actor } = tenant
  const commandId = seed.toString('hex')
  const commanded = await findCommanded(dependencies, projectId, asked.name, commandId)
  const { found, start, earlier } = commanded
  const { subscriptionId } = start
  // A request that is repeated gets the answer it would have got: what it has done would refuse it now.
  if (earlier?.refusal) throw toError(earlier.refusal)
  if (earlier?.finishedAt) return show(application, projectId, subscriptionId)
  if (!earlier) {
    refuseImpossible(commanded, asked.command)
    if (asked.command.kind === 'changePlan')
      await findSoldPlan(dependencies, projectId, found, asked.command.planId)
  }
  await orchestrator.command(start, asked.update(actor), commandId)
  return show(application, projectId, subscriptionId)
}

function show(
  application: ApiDependencies['application'],
  projectId: ProjectId,
  subscriptionId: SubscriptionId,
) {
  return inProject(application, projectId, async (transaction) => {
    const found = await findSubscription(transaction, projectId, subscriptionId)
    const [shown] = found ? await showSubscriptions(transaction, projectId, [found]) : []
    if (!shown) throw new BillingError('not_found')
    return shown
  })
}
