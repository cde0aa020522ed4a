import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { inProject } from '../../db/client.ts'
import { listPaymentAttempts, listPayments } from '../../db/payment-lists.ts'
import { findPayment, type PaymentRow } from '../../db/payments.ts'
import { BillingError } from '../../domain/errors.ts'
import { isId, type PaymentId } from '../../domain/ids.ts'
import type { CallerEnv } from '../context.ts'
import { pageOf, readCursor } from '../cursor.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { forProject } from '../guards.ts'
import { idempotent } from '../idempotency.ts'
import { DEFAULT_LIMIT } from '../schemas/fields.ts'
import {
  attemptPage,
  paymentCreated,
  paymentInput,
  paymentPage,
  paymentQuery,
  paymentShown,
} from '../schemas/payments.ts'
import { paymentProblems, readProblems } from '../schemas/problem.ts'
import { startPayment } from '../start-payment.ts'

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
