import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { listPaymentAttempts, listPayments } from '../../db/payment-lists.ts'
import { acceptPayment, findPayment, type PaymentRow } from '../../db/payments.ts'
import { deriveId } from '../../db/mint-id.ts'
import { findTestClock } from '../../db/test-clocks.ts'
import { findCustomerOfUser } from '../../db/customers.ts'
import { BillingError, isErrorCode } from '../../domain/errors.ts'
import { type ClockId, isId, type PaymentId, type ProjectId } from '../../domain/ids.ts'
import type { CallerEnv, Tenant } from '../context.ts'
import { pageOf, readCursor } from '../cursor.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { resolvePurchase } from '../resolve-purchase.ts'
import { DEFAULT_LIMIT } from '../schemas/fields.ts'
import {
  attemptPage,
  paymentCreated,
  type PaymentInput,
  paymentInput,
  paymentPage,
  paymentQuery,
  paymentShown,
} from '../schemas/payments.ts'
import { paymentProblems, readProblems } from '../schemas/problem.ts'

const tags = ['Payments']
const paymentParams = z.object({
  payment_id: z.string().openapi({ example: 'pay_01arz3ndektsv4rrffq69g5fav' }),
})

export function paymentRoutes(app: OpenAPIHono<CallerEnv>, dependencies: ApiDependencies): void {
  const { application, livemode } = dependencies
  const repeatable = idempotent(dependencies)
  const reading = forProject(dependencies, 'read')
  const request = {
    body: { required: true, content: { 'application/json': { schema: paymentInput } } },
  } as const
  const responses = {
    201: {
      description: 'The payment page is open.',
      content: { 'application/json': { schema: paymentCreated } },
    },
    ...paymentProblems,
  }

  app.openapi(
    createRoute({
      method: 'post',
      path: '/payments',
      tags,
      summary: 'Start a payment',
      description: 'One-time, subscription or credits: detected from what is bought.',
      middleware: [forProject(dependencies, 'start_payments'), repeatable] as const,
      request,
      responses,
    }),
    async (c) => {
      const { tenant, seed, correlationId } = c.var
      return c.json(
        await startPayment(dependencies, c.req.valid('json'), { tenant, seed, correlationId }),
        201,
      )
    },
  )

  app.openapi(
    createRoute({
      method: 'post',
      path: '/apps/{app_id}/billing/checkout',
      tags,
      summary: 'Start a payment of an application',
      description: 'The same as `POST /payments`; `app_id` is the project.',
      middleware: [forProject(dependencies, 'start_payments', 'app_id'), repeatable] as const,
      request: { ...request, params: z.object({ app_id: z.string() }) },
      responses,
    }),
    async (c) => {
      const { tenant, seed, correlationId } = c.var
      return c.json(
        await startPayment(dependencies, c.req.valid('json'), { tenant, seed, correlationId }),
        201,
      )
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/payments',
      tags,
      summary: 'List payments, newest first',
      middleware: [reading] as const,
      request: { query: paymentQuery },
      responses: {
        200: { description: 'A page.', content: { 'application/json': { schema: paymentPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const { limit = DEFAULT_LIMIT, cursor, user_id, status } = c.req.valid('query')
      const before = readCursor('pay', cursor)
      const rows = await inProject(application, projectId, (transaction) =>
        listPayments(transaction, projectId, { livemode, userId: user_id, status, limit: limit + 1, before }),
      )
      const placeOf = ({ createdAt, paymentId }: PaymentRow) => ({ createdAt, id: paymentId })
      return c.json(pageOf(rows, limit, placeOf, showPayment), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/payments/{payment_id}/status',
      tags,
      summary: 'Status of a payment',
      middleware: [reading] as const,
      request: { params: paymentParams },
      responses: {
        200: { description: 'As recorded last.', content: { 'application/json': { schema: paymentShown } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const paymentId = parsePaymentId(c.req.valid('param').payment_id)
      const row = await inProject(application, projectId, (transaction) =>
        findPayment(transaction, projectId, paymentId),
      )
      return c.json(showPayment(mustBeOurs(row, livemode)), 200)
    },
  )

  app.openapi(
    createRoute({
      method: 'get',
      path: '/payments/{payment_id}/attempts',
      tags,
      summary: 'Each try to charge for a payment, in order',
      middleware: [reading] as const,
      request: { params: paymentParams },
      responses: {
        200: { description: 'All tries.', content: { 'application/json': { schema: attemptPage } } },
        ...readProblems,
      },
    }),
    async (c) => {
      const { projectId } = c.var.tenant
      const paymentId = parsePaymentId(c.req.valid('param').payment_id)
      const [row, attempts] = await inProject(application, projectId, (transaction) =>
        Promise.all([
          findPayment(transaction, projectId, paymentId),
          listPaymentAttempts(transaction, projectId, paymentId),
        ]),
      )
      mustBeOurs(row, livemode)
      const data = attempts.map((attempt) => ({
        at: attempt.attemptedAt.toISOString(),
        amount: attempt.amount,
        currency: attempt.currency,
        outcome: attempt.outcome,
        ...(attempt.declineCode !== null && { decline_code: attempt.declineCode }),
        ...(attempt.adviceCode !== null && { advice_code: attempt.adviceCode }),
        stripe_charge_id: attempt.stripeChargeId,
      }))
      return c.json({ data, next_cursor: null }, 200)
    },
  )
}

/** Accepts a payment and answers with its page. Repeated with the same seed it finds the payment and takes it up again. */
async function startPayment(
  dependencies: ApiDependencies,
  input: PaymentInput,
  request: { tenant: Tenant; seed: Buffer; correlationId: string },
): Promise<z.infer<typeof paymentCreated>> {
  const { application, orchestrator, metrics, livemode } = dependencies
  const { projectId, actor } = request.tenant
  const seed = request.seed.toString('hex')
  const paymentId = deriveId('pay', seed)
  const clockId = await requestedClock(dependencies, projectId, input)
  const row = await inProject(application, projectId, async (transaction) => {
    const { purchase, successUrl, cancelUrl } = await resolvePurchase(transaction, projectId, input)
    return acceptPayment(transaction, {
      projectId,
      paymentId,
      subscriptionId: purchase.kind === 'plan' ? deriveId('sbs', seed) : undefined,
      userId: input.user_id,
      email: input.email,
      livemode,
      purchase,
      successUrl,
      cancelUrl,
      metadata: input.metadata,
      clockId,
      correlationId: request.correlationId,
      actor,
    })
  })
  const count = (outcome: string) => metrics.checkouts.inc({ payment_type: row.type, outcome })
  try {
    const { checkoutSessionId, checkoutUrl } = pageOfPayment(row) ?? (await orchestrator.openCheckout(row))
    count('opened')
    return {
      payment_id: paymentId,
      payment_type: row.type,
      status: row.status,
      checkout_session_id: checkoutSessionId,
      checkout_url: checkoutUrl,
    }
  } catch (error) {
    count(error instanceof BillingError ? error.code : 'internal')
    throw error
  }
}

/** The test clock that a user's first payment puts them on.
 *  @throws BillingError naming what is wrong with it. */
async function requestedClock(
  { application, livemode }: ApiDependencies,
  projectId: ProjectId,
  { test_clock_id: asked, user_id: userId }: PaymentInput,
): Promise<ClockId | undefined> {
  if (asked === undefined) return undefined
  const path = 'test_clock_id'
  if (livemode)
    throw new BillingError('live_mode_has_no_clocks', {
      fields: [{ path, message: 'test_clock_id works in test mode only; leave it out.' }],
    })
  if (!isId('clk', asked)) throw unknownClock(asked)
  return inProject(application, projectId, async (transaction) => {
    const [clock, customer] = await Promise.all([
      findTestClock(transaction, projectId, asked),
      findCustomerOfUser(transaction, projectId, { userId, livemode }),
    ])
    if (!clock) throw unknownClock(asked)
    if (customer && customer.clockId !== asked)
      throw new BillingError('test_clock_fixed', {
        fields: [
          {
            path,
            message: `test_clock_id must be ${customer.clockId === null ? 'left out' : `"${customer.clockId}"`}: this user has paid before, and Stripe puts a customer on a clock only when it is made. Take another user_id.`,
          },
        ],
      })
    return asked
  })
}

const unknownClock = (id: string) =>
  new BillingError('test_clock_not_found', {
    fields: [
      {
        path: 'test_clock_id',
        message: `test_clock_id must name a test clock of this project; there is none "${id}". Make one with POST /api/v1/test-clocks.`,
      },
    ],
  })

/** The page of a payment that an earlier attempt has opened, if it did.
 *  @throws BillingError when the earlier attempt ended in a refusal: the payment is over, and a new one needs a new request. */
function pageOfPayment(row: PaymentRow): { checkoutSessionId: string; checkoutUrl: string } | undefined {
  const { stripeCheckoutSessionId, checkoutUrl, failureCode, paymentId } = row
  if (stripeCheckoutSessionId !== null && checkoutUrl !== null)
    return { checkoutSessionId: stripeCheckoutSessionId, checkoutUrl }
  if (row.status === 'failed' && failureCode !== null && isErrorCode(failureCode))
    throw new BillingError(failureCode, { facts: { payment_id: paymentId } })
  return undefined
}

function parsePaymentId(text: string): PaymentId {
  if (!isId('pay', text)) throw new BillingError('not_found')
  return text
}

/** A payment of the other mode is as good as absent: test keys do not see real money. */
function mustBeOurs(row: PaymentRow | undefined, livemode: boolean): PaymentRow {
  if (!row || row.livemode !== livemode) throw new BillingError('not_found')
  return row
}

function showPayment(row: PaymentRow) {
  return {
    payment_id: row.paymentId,
    payment_type: row.type,
    status: row.status,
    user_id: row.userId,
    amount: row.amount,
    currency: row.currency,
    amount_received: row.amountReceived,
    amount_refunded: row.amountRefunded,
    quantity: row.quantity,
    ...(row.planId !== null && { plan_id: row.planId }),
    ...(row.productId !== null && { product_id: row.productId }),
    ...(row.subscriptionId !== null && { subscription_id: row.subscriptionId }),
    ...(row.failureCode !== null && { failure_code: row.failureCode }),
    project_id: row.projectId,
    metadata: row.metadata,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}
