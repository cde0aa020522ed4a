import type { z } from '@hono/zod-openapi'
import { inProject } from '../db/client.ts'
import { findCustomerOfUser } from '../db/customers.ts'
import { deriveId } from '../db/mint-id.ts'
import { acceptPayment, type PaymentRow } from '../db/payments.ts'
import { findTestClock } from '../db/test-clocks.ts'
import { BillingError, isErrorCode } from '../domain/errors.ts'
import { type ClockId, isId, type ProjectId } from '../domain/ids.ts'
import type { Tenant } from './context.ts'
import type { ApiDependencies } from './dependencies.ts'
import { resolvePurchase } from './resolve-purchase.ts'
import type { paymentCreated, PaymentInput } from './schemas/payments.ts'

/** Accepts a payment and answers with its page. Repeated with the same seed it finds the payment and takes it up again. */
export async function startPayment(
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
