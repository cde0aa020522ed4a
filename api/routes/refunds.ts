import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { acceptRefund, returnCredits } from '../../db/accept-refund.ts'
import { writeAudit } from '../../db/audit.ts'
import { findOwnerOfInvoice, ownerOfPayment } from '../../db/charge-owners.ts'
import { type ChargeOwner, lockCharge } from '../../db/charges.ts'
import { inProject, type Transaction } from '../../db/client.ts'
import { deriveId } from '../../db/mint-id.ts'
import { appendEvents } from '../../db/outbox.ts'
import { findPayment } from '../../db/payments.ts'
import { findProject } from '../../db/projects.ts'
import { currentRefundPolicy, setRefundPolicy } from '../../db/refund-policies.ts'
import {
  findRefund,
  listRefunds,
  listRefundsOfCharge,
  lockRefund,
  refundData,
  type RefundRow,
  updateRefund,
} from '../../db/refunds.ts'
import { timeOfCustomer } from '../../db/test-clocks.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId, type ProjectId, type RefundId } from '../../domain/ids.ts'
import { currency, describeMoney, money } from '../../domain/money.ts'
import { amountLeft, type ChargeSnapshot, needsApproval, type RefundPolicy } from '../../domain/refunds.ts'
import type { CallerEnv } from '../context.ts'
import { pageOf, readCursor } from '../cursor.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forOperator, forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { amountFlaw, DEFAULT_LIMIT } from '../schemas/fields.ts'
import { commandProblems, readProblems, writeProblems } from '../schemas/problem.ts'
import {
  decisionInput,
  refundInput,
  refundPage,
  refundParams,
  refundPolicyInput,
  refundPolicySet,
  refundQuery,
  refundShown,
} from '../schemas/refunds.ts'
import { timelinePage } from '../schemas/subscriptions.ts'
import { showTimeline } from '../show-timeline.ts'

const tags = ['Refunds']
type RefundInput = z.infer<typeof refundInput>

/** Giving money back: asked for here, carried out by the refund's workflow. */
export function refundRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, orchestrator, provider, livemode } = dependencies
  const repeatable = idempotent(dependencies)

  app.openapi(
    createRoute({
      method: 'post',
      path: '/refunds',
      tags,
      summary: 'Refund a payment or an invoice, in full or in part',
      description:
        'As often as something is left. The answer comes when Stripe has taken it, or after some seconds; `pending` ends with an event. More than the limit of the project waits for a second person.',
      middleware: [forProject(dependencies, 'refund'), repeatable] as const,
      request: { body: { required: true, content: { 'application/json': { schema: refundInput } } } },
      responses: {
        202: { description: 'Accepted.', content: { 'application/json': { schema: refundShown } } },
        ...commandProblems,
      },
    }),
    async (c) => {
      const { tenant, seed, correlationId } = c.var
      const { projectId, actor } = tenant
      const input = c.req.valid('json')
      const refundId = deriveId('rfd', seed.toString('hex'))
      const owner = await findOwner(projectId, input)
      const known = await inProject(application, projectId, (transaction) =>
        findRefund(transaction, projectId, refundId),
      )
      const accepted = known ?? (await accept({ owner, input, refundId, actor, correlationId }))
      const tried = accepted.status === 'pending' ? await carryOut(accepted) : await start(accepted)
      // Somebody was faster, in Stripe's dashboard.
      if (tried.status === 'failed' && tried.stripeRefundId === null) throw await refusalOf(tried, owner)
      return c.json(showRefund(tried), 202)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/refunds',
      tags,
      summary: 'List refunds, newest first',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { query: refundQuery },
      responses: {
        200: { description: 'A page.', content: { 'application/json': { schema: refundPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { limit = DEFAULT_LIMIT, cursor, payment_id: paymentId, status } = c.req.valid('query')
      const before = readCursor('rfd', cursor)
      const rows = await inProject(application, projectId, (transaction) =>
        listRefunds(transaction, projectId, { livemode, limit: limit + 1, before, paymentId, status }),
      )
      const placeOf = (row: RefundRow) => ({ createdAt: row.createdAt, id: row.refundId })
      return c.json(pageOf(rows, limit, placeOf, showRefund), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/refunds/{refund_id}',
      tags,
      summary: 'A refund',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params: refundParams },
      responses: {
        200: { description: 'The refund.', content: { 'application/json': { schema: refundShown } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const row = await mustFind(c.var.tenant.projectId, c.req.valid('param').refund_id)
      return c.json(showRefund(row), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/refunds/{refund_id}/timeline',
      tags,
      summary: 'Each thing that happened to a refund, in order',
      middleware: [forProject(dependencies, 'read')] as const,
      request: { params: refundParams },
      responses: {
        200: { description: 'All of it.', content: { 'application/json': { schema: timelinePage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { refundId } = await mustFind(projectId, c.req.valid('param').refund_id)
      const data = await inProject(application, projectId, (transaction) =>
        showTimeline(transaction, projectId, refundId),
      )
      return c.json({ data, next_cursor: null }, 200)
    },
  )

  for (const decision of ['approve', 'reject'] as const)
    app.openapi(
      createRoute({
        method: 'post',
        path: `/refunds/{refund_id}/${decision}`,
        tags,
        summary: decision === 'approve' ? 'Let a refund be made' : 'Refuse a refund that waits',
        description: 'For an operator other than the one who asked for it.',
        middleware: [
          forOperator('approve_refunds'),
          forProject(dependencies, 'approve_refunds'),
          repeatable,
        ] as const,
        request: {
          params: refundParams,
          body: { required: true, content: { 'application/json': { schema: decisionInput } } },
        },
        responses: {
          202: { description: 'Decided.', content: { 'application/json': { schema: refundShown } } },
          ...commandProblems,
        },
      }),
      async (c) => {
        const { projectId, actor } = c.var.tenant
        const { refundId } = await mustFind(projectId, c.req.valid('param').refund_id)
        const { reason } = c.req.valid('json')
        const decided = await inProject(application, projectId, (transaction) =>
          decide(transaction, { projectId, refundId, decision, by: actor, reason }),
        )
        await tell(decided)
        const tried = decided.status === 'pending' ? await carryOut(decided) : decided
        return c.json(showRefund(tried), 202)
      },
    )

  app.openapi(
    createRoute({
      method: 'put',
      path: '/projects/{project_id}/refund-policy',
      tags: ['Projects'],
      summary: 'Set what a project does about refunds and disputes',
      description: 'For operators. It holds for what begins from now on.',
      middleware: [forProject(dependencies, 'manage_projects', 'project_id')] as const,
      request: {
        params: z.object({ project_id: z.string() }),
        body: { required: true, content: { 'application/json': { schema: refundPolicyInput } } },
      },
      responses: {
        200: { description: 'Set.', content: { 'application/json': { schema: refundPolicySet } } },
        ...readProblems,
        413: writeProblems[413],
        415: writeProblems[415],
      },
    }),
    async (c) => {
      const { tenant, correlationId } = c.var
      const { projectId, actor } = tenant
      const input = c.req.valid('json')
      const version = await inProject(application, projectId, async (transaction) => {
        const set = await setRefundPolicy(transaction, { projectId, policy: toPolicy(input), setBy: actor })
        await writeAudit(transaction, {
          projectId,
          actor,
          action: 'project.refund_policy_set',
          subjectId: projectId,
          why: 'An operator set the refund policy.',
          correlationId,
          stripeIds: [],
          policyVersion: set,
          after: input,
          occurredAt: new Date(),
        })
        return set
      })
      return c.json({ policy_version: version, policy: input }, 200)
    },
  )

  async function findOwner(
    projectId: ProjectId,
    { payment_id, invoice_id }: RefundInput,
  ): Promise<{ owner: ChargeOwner; reading: ChargeSnapshot }> {
    const { owner, paymentIntentId } = await inProject(application, projectId, async (transaction) => {
      if (payment_id === undefined)
        return {
          owner: await findOwnerOfInvoice(transaction, projectId, invoice_id ?? ''),
          paymentIntentId: undefined,
        }
      const payment = await findPayment(transaction, projectId, payment_id)
      return {
        owner: payment && ownerOfPayment(payment),
        paymentIntentId: payment?.stripePaymentIntentId ?? undefined,
      }
    })
    if (owner?.livemode !== livemode) throw new BillingError('not_found')
    const reading = await readCharge({ owner, paymentIntentId })
    if (!reading) throw new BillingError('nothing_to_refund', { detail: 'Nothing was collected for it.' })
    return { owner, reading }
  }

  async function readCharge({
    owner: { invoiceId },
    paymentIntentId,
  }: {
    owner: ChargeOwner
    paymentIntentId: string | undefined
  }): Promise<ChargeSnapshot | undefined> {
    if (paymentIntentId !== undefined) return provider.readCharge({ paymentIntentId })
    return invoiceId === null ? undefined : provider.readCharge({ invoiceId })
  }

  async function accept(asked: {
    owner: { owner: ChargeOwner; reading: ChargeSnapshot }
    input: RefundInput
    refundId: RefundId
    actor: string
    correlationId: string
  }): Promise<RefundRow> {
    const { input, refundId, actor, correlationId } = asked
    const { owner, reading } = asked.owner
    if (reading.isDisputed) throw new BillingError('payment_disputed')
    const { currency: code } = reading.captured
    const flaw = input.amount === undefined ? undefined : amountFlaw(input.amount, code)
    if (flaw)
      throw new BillingError('invalid_request', { fields: [{ path: 'amount', message: `amount ${flaw}` }] })
    return inProject(application, owner.projectId, async (transaction) => {
      const charge = await lockCharge(transaction, owner, reading)
      const { policy } = await currentRefundPolicy(transaction, owner.projectId)
      const project = await findProject(transaction, owner.projectId)
      const { at } = await timeOfCustomer(transaction, owner, new Date())
      return acceptRefund(transaction, charge, reading, {
        refundId,
        amount: input.amount,
        reason: input.reason,
        origin: 'request',
        terms: (amount, left) => ({
          status: needsApproval(policy, money(amount, code), project?.currency ?? '')
            ? 'awaiting_approval'
            : 'pending',
          subscriptionAction: input.subscription ?? (amount === left ? policy.subscription : 'keep'),
        }),
        requestedBy: actor,
        correlationId,
        takesCredits: policy.credits === 'take_back',
        at,
        why: 'A refund was asked for over the API.',
      })
    })
  }

  /** The workflow waits for the second person, so that operators see it in Temporal UI. */
  async function start(row: RefundRow): Promise<RefundRow> {
    await orchestrator.startRefund(await startOf(row))
    return row
  }

  async function carryOut(row: RefundRow): Promise<RefundRow> {
    await orchestrator.tryRefund(await startOf(row))
    return mustFind(row.projectId, row.refundId)
  }

  async function tell(row: RefundRow): Promise<void> {
    await orchestrator.tellRefund(await startOf(row))
  }

  async function startOf(row: RefundRow) {
    const { projectId, refundId, userId, correlationId } = row
    const { clockId } = await inProject(application, projectId, (transaction) =>
      timeOfCustomer(transaction, row, new Date()),
    )
    const amount = describeMoney(money(row.amount, currency(row.currency)))
    return { projectId, refundId, userId, correlationId, clockId, amount }
  }

  async function mustFind(projectId: ProjectId, name: string): Promise<RefundRow> {
    const row = isId('rfd', name)
      ? await inProject(application, projectId, (transaction) => findRefund(transaction, projectId, name))
      : undefined
    if (row?.livemode !== livemode) throw new BillingError('not_found')
    return row
  }

  async function refusalOf(row: RefundRow, { owner }: { owner: ChargeOwner }): Promise<BillingError> {
    const reading = await provider.readCharge({ chargeId: row.stripeChargeId })
    if (!reading || reading.isDisputed) return new BillingError('payment_disputed')
    const left = await inProject(application, owner.projectId, async (transaction) =>
      amountLeft(reading.captured.amountMinor, {
        ours: await listRefundsOfCharge(transaction, row),
        atStripe: reading.refunds,
      }),
    )
    const facts = { amount_left: left, currency: row.currency, refund_id: row.refundId }
    if (left >= row.amount)
      return new BillingError('refund_refused', { facts: { ...facts, provider_code: row.failureCode ?? '' } })
    return left === 0
      ? new BillingError('nothing_to_refund', { facts })
      : new BillingError('refund_exceeds_remaining', {
          detail: `Only ${describeMoney(money(left, currency(row.currency)))} of it is left to refund.`,
          facts,
        })
  }
}

/** Writes what a second person has decided. Deciding the same again changes nothing. */
async function decide(
  transaction: Transaction,
  {
    projectId,
    refundId,
    decision,
    by,
    reason,
  }: {
    projectId: ProjectId
    refundId: RefundId
    decision: 'approve' | 'reject'
    by: string
    reason: string
  },
): Promise<RefundRow> {
  const row = await lockRefund(transaction, projectId, refundId)
  const isRejected = row.failureCode === 'rejected'
  if (row.decidedBy === by && isRejected === (decision === 'reject')) return row
  if (row.status !== 'awaiting_approval') throw new BillingError('not_awaiting_approval')
  if (row.requestedBy === by) throw new BillingError('own_request')
  const { at } = await timeOfCustomer(transaction, row, new Date())
  if (decision === 'reject') await returnCredits(transaction, row)
  const decided = await updateRefund(transaction, row, {
    status: decision === 'approve' ? 'pending' : 'failed',
    ...(decision === 'reject' && { failureCode: 'rejected' }),
    decidedBy: by,
    decidedAt: at,
    decisionReason: reason,
    startDueAt: new Date(Date.now() + 15_000),
  })
  const { userId, correlationId } = row
  const intent = `${refundId}/${decision}`
  await writeAudit(transaction, {
    projectId,
    actor: by,
    action: decision === 'approve' ? 'refund.approved' : 'refund.rejected',
    subjectId: refundId,
    why: reason,
    correlationId,
    stripeIds: [row.stripeChargeId],
    amount: row.amount,
    currency: row.currency,
    before: { status: row.status },
    after: { status: decided.status },
    occurredAt: at,
  })
  if (decision === 'reject')
    await appendEvents(transaction, { projectId, userId, correlationId, intent, occurredAt: at }, [
      { type: 'refund.failed', subject: refundId, data: refundData(decided) },
    ])
  return decided
}

const toPolicy = (input: z.infer<typeof refundPolicyInput>): RefundPolicy => ({
  ...(input.approval_above !== null && { approvalAbove: input.approval_above }),
  subscription: input.subscription,
  credits: input.credits,
  onCancellation: input.on_cancellation,
  onDispute: input.on_dispute,
  onFraudWarning: input.on_fraud_warning,
})

const showRefund = (row: RefundRow): z.infer<typeof refundShown> => ({
  ...refundData(row),
  subscription: row.subscriptionAction,
  requested_by: row.requestedBy,
  ...(row.decidedBy !== null && { decided_by: row.decidedBy }),
  ...(row.decisionReason !== null && { decision_reason: row.decisionReason }),
  ...(row.stripeRefundId !== null && { stripe_refund_id: row.stripeRefundId }),
  ...(row.stripeCreditNoteId && { stripe_credit_note_id: row.stripeCreditNoteId }),
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})
