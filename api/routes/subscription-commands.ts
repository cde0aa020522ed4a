import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { findLatestPlan } from '../../db/catalog.ts'
import { inProject } from '../../db/client.ts'
import { listCases, owedBy } from '../../db/dunning.ts'
import { readPayment } from '../../db/payments.ts'
import { findCustomerOfUser } from '../../db/customers.ts'
import { type CommandRow, findCommand } from '../../db/subscription-commands.ts'
import { findSubscription, type SubscriptionWithPlan, toKnown } from '../../db/subscriptions.ts'
import { readTestClock } from '../../db/test-clocks.ts'
import { type CommandRefusal, refusalOf, type SubscriptionCommand } from '../../domain/commands.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId, type ProjectId, type SubscriptionId } from '../../domain/ids.ts'
import type { InvoicePreview } from '../../domain/provider.ts'
import type { KnownSubscription } from '../../domain/subscription.ts'
import type { SubscriptionStart } from '../../inbox/starts.ts'
import type { CallerEnv, Tenant } from '../context.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import type { SubscriptionUpdate } from '../orchestrator.ts'
import { commandProblems, readProblems } from '../schemas/problem.ts'
import {
  cancelInput,
  changeInput,
  changePreview,
  oneSubscriptionParams,
  pauseInput,
  plainCommandInput,
  subscriptionShown,
} from '../schemas/subscriptions.ts'
import { showSubscriptions } from '../show-subscription.ts'

const tags = ['Subscriptions']

/** What may be asked of a subscription. Each is an update of its workflow, so that the caller gets the answer or the refusal. */
export function subscriptionCommandRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const managing = forProject(dependencies, 'manage_subscriptions')
  const repeatable = idempotent(dependencies)
  const params = oneSubscriptionParams
  const responses = {
    200: {
      description: 'Done: the subscription as it is now.',
      content: { 'application/json': { schema: subscriptionShown } },
    },
    ...commandProblems,
  }

  app.openapi(
    createRoute({
      method: 'post',
      path: '/subscriptions/{subscription_id}/change-plan',
      tags,
      summary: 'Change the plan or the quantity, now or at the period’s end',
      description:
        'Now: the difference for the rest of the period is charged at once, and the change counts when it is paid. A declined charge is 402 and leaves everything as it was; one that needs the customer’s bank becomes `pending_change` with a link. Naming the current plan takes a pending change back.',
      middleware: [managing, repeatable] as const,
      request: { params, body: { required: true, content: { 'application/json': { schema: changeInput } } } },
      responses,
    }),
    async (c) => {
      const { plan_id, when, quantity, reason } = c.req.valid('json')
      const { subscription_id: name } = c.req.valid('param')
      const command: SubscriptionCommand = {
        kind: 'changePlan',
        planId: plan_id,
        when,
        ...(quantity !== undefined && { quantity }),
      }
      const update = (by: string): SubscriptionUpdate => ({
        kind: 'changePlan',
        args: { plan_id, when, ...(quantity !== undefined && { quantity }), ...asked(by, reason) },
      })
      return c.json(await perform(dependencies, c.var, { name, command, update }), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/subscriptions/{subscription_id}/cancel',
      tags,
      summary: 'End a subscription, now or with its period',
      description: 'Now: access ends, open invoices become void, and nothing is charged any more.',
      middleware: [managing, repeatable] as const,
      request: { params, body: { required: true, content: { 'application/json': { schema: cancelInput } } } },
      responses,
    }),
    async (c) => {
      const { at, reason } = c.req.valid('json')
      const { subscription_id: name } = c.req.valid('param')
      return c.json(
        await perform(dependencies, c.var, {
          name,
          command: { kind: 'cancel', at },
          update: (by) => ({ kind: 'cancel', args: { at, ...asked(by, reason) } }),
        }),
        200,
      )
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/subscriptions/{subscription_id}/pause',
      tags,
      summary: 'Pause a subscription',
      description: 'No access and no charge. The unused time becomes credit, which resuming takes off.',
      middleware: [managing, repeatable] as const,
      request: { params, body: { required: true, content: { 'application/json': { schema: pauseInput } } } },
      responses,
    }),
    async (c) => {
      const { until, reason } = c.req.valid('json')
      const { subscription_id: name } = c.req.valid('param')
      return c.json(
        await perform(dependencies, c.var, {
          name,
          command: { kind: 'pause', ...(until !== undefined && { until: Date.parse(until) }) },
          update: (by) => ({
            kind: 'pause',
            args: { ...(until !== undefined && { until }), ...asked(by, reason) },
          }),
        }),
        200,
      )
    },
  )

  for (const [path, kind, summary, description] of [
    [
      'resume',
      'resume',
      'End a pause, or take back a cancellation',
      'Ends a pause if there is one, which charges the new period at once; else a cancellation at the period’s end is taken back.',
    ],
    [
      'retry-payment',
      'retryPayment',
      'Charge the oldest unpaid invoice again, now',
      'Uses up none of the scheduled retries. Declined again is 402.',
    ],
  ] as const) {
    app.openapi(
      createRoute({
        method: 'post',
        path: `/subscriptions/{subscription_id}/${path}`,
        tags,
        summary,
        description,
        middleware: [managing, repeatable] as const,
        request: {
          params,
          body: { required: true, content: { 'application/json': { schema: plainCommandInput } } },
        },
        responses,
      }),
      async (c) => {
        const { reason } = c.req.valid('json')
        const { subscription_id: name } = c.req.valid('param')
        return c.json(
          await perform(dependencies, c.var, {
            name,
            command: { kind },
            update: (by) => ({ kind, args: asked(by, reason) }),
          }),
          200,
        )
      },
    )
  }

  app.openapi(
    createRoute({
      method: 'post',
      path: '/subscriptions/{subscription_id}/preview-change',
      tags,
      summary: 'What a change of plan would cost',
      description: 'Changes nothing. At the period’s end it is what the next period will cost.',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params, body: { required: true, content: { 'application/json': { schema: changeInput } } } },
      responses: {
        200: {
          description: 'What would be charged.',
          content: { 'application/json': { schema: changePreview } },
        },
        ...readProblems,
        409: commandProblems[409],
      },
    }),
    async (c) => {
      const { plan_id, when, quantity } = c.req.valid('json')
      const { subscription_id: name } = c.req.valid('param')
      const { projectId } = c.var.tenant
      const command: SubscriptionCommand = {
        kind: 'changePlan',
        planId: plan_id,
        when,
        ...(quantity !== undefined && { quantity }),
      }
      const found = await findCommanded(dependencies, projectId, name)
      refuseImpossible(found, command)
      return c.json(await preview(dependencies, projectId, found, { planId: plan_id, when, quantity }), 200)
    },
  )
}

const asked = (by: string, reason: string | undefined) => ({ by, ...(reason !== undefined && { reason }) })

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
async function findCommanded(
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
function refuseImpossible({ known, now }: Commanded, command: SubscriptionCommand): void {
  const refusal = refusalOf(command, known, now)
  if (refusal) throw toError(refusal)
}

function toError({ code, detail, facts }: CommandRefusal): BillingError {
  return new BillingError(code, { detail, ...(facts && { facts }) })
}

async function perform(
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

/** @throws BillingError when the project does not sell the plan, or in another currency. */
async function findSoldPlan(
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

async function preview(
  dependencies: ApiDependencies,
  projectId: ProjectId,
  { found, known, now }: Commanded,
  { planId, when, quantity }: { planId: string; when: 'now' | 'period_end'; quantity: number | undefined },
) {
  const plan = await findSoldPlan(dependencies, projectId, found, planId)
  const units = quantity ?? known.quantity
  if (when === 'period_end') {
    const amount = plan.amount * units
    const start = new Date(known.currentPeriodEnd).toISOString()
    return {
      amount_due: amount,
      currency: plan.currency,
      due_at: start,
      lines: [{ description: `${units} × ${plan.name}`, amount, period_start: start, period_end: start }],
    }
  }
  if (plan.stripePriceId === null)
    throw new BillingError('outcome_pending', {
      detail: 'The price of this plan is still being made. Repeat the request in a moment.',
    })
  return showPreview(
    await dependencies.provider.previewChange({
      providerSubscriptionId: found.subscription.stripeSubscriptionId,
      providerPriceId: plan.stripePriceId,
      interval: plan.interval,
      quantity: units,
      at: now,
    }),
    now,
  )
}

function showPreview({ amountDue, lines }: InvoicePreview, now: number) {
  return {
    amount_due: amountDue.amountMinor,
    currency: amountDue.currency,
    due_at: new Date(now).toISOString(),
    lines: lines.map(({ description, amount, periodStart, periodEnd }) => ({
      description,
      amount: amount.amountMinor,
      period_start: new Date(periodStart).toISOString(),
      period_end: new Date(periodEnd).toISOString(),
    })),
  }
}
