import { findLatestPlan, findProduct, toPlan, toProduct } from '../db/catalog.ts'
import type { Transaction } from '../db/client.ts'
import { findProject } from '../db/projects.ts'
import { type PaymentType, paymentTypeOf, type Purchase, unitPriceOf } from '../domain/catalog.ts'
import { MAX_CREDITS_MICRO_USD } from '../domain/credits.ts'
import { BillingError, type FieldProblem } from '../domain/errors.ts'
import type { ProjectId } from '../domain/ids.ts'
import { MAX_AMOUNT_MINOR, money } from '../domain/money.ts'
import type { PaymentInput } from './schemas/payments.ts'

/** What a request for a payment comes to, once it is held against the project's catalog and settings. */
export interface ResolvedPurchase {
  purchase: Purchase
  successUrl: string
  cancelUrl: string
}

/** @throws BillingError `plan_not_found`, `product_not_found`, or `invalid_request` naming what does not fit together. */
export async function resolvePurchase(
  transaction: Transaction,
  projectId: ProjectId,
  input: PaymentInput,
): Promise<ResolvedPurchase> {
  // Sent together: one round trip.
  const [project, purchase] = await Promise.all([
    findProject(transaction, projectId),
    findPurchase(transaction, projectId, input),
  ])
  if (!project) throw new BillingError('project_not_found')
  const successUrl = input.success_url ?? project.successUrl
  const cancelUrl = input.cancel_url ?? project.cancelUrl
  const fields = [
    ...typeConflict(input, paymentTypeOf(purchase)),
    ...excessiveTotal(purchase),
    ...excessiveCredits(purchase),
    ...(successUrl === null ? [missingUrl('success_url')] : []),
    ...(cancelUrl === null ? [missingUrl('cancel_url')] : []),
  ]
  if (fields.length > 0 || successUrl === null || cancelUrl === null)
    throw new BillingError('invalid_request', { fields })
  return { purchase, successUrl, cancelUrl }
}

async function findPurchase(
  transaction: Transaction,
  projectId: ProjectId,
  { plan_id, product_id, amount, currency, description, quantity }: PaymentInput,
): Promise<Purchase> {
  if (plan_id !== undefined) {
    const row = await findLatestPlan(transaction, projectId, plan_id)
    if (!row) throw unknownItem('plan_not_found', 'plan_id', plan_id)
    return { kind: 'plan', plan: toPlan(row), quantity }
  }
  if (product_id !== undefined) {
    const row = await findProduct(transaction, projectId, product_id)
    if (!row) throw unknownItem('product_not_found', 'product_id', product_id)
    return { kind: 'product', product: toProduct(row), quantity }
  }
  if (amount === undefined || currency === undefined || description === undefined)
    throw new Error('a payment for nothing has passed the schema')
  return { kind: 'amount', description, price: money(amount, currency), quantity }
}

function unknownItem(code: 'plan_not_found' | 'product_not_found', path: string, id: string): BillingError {
  const message = `${path} must name something that this project sells; it does not sell "${id}".`
  return new BillingError(code, { fields: [{ path, message }] })
}

/** A pack of credits is bought once, so `one_time` fits it. */
function typeConflict({ payment_type }: PaymentInput, detected: PaymentType): FieldProblem[] {
  if (payment_type === 'auto' || (payment_type === 'subscription') === (detected === 'subscription'))
    return []
  const message = `payment_type is "${payment_type}", but what is bought makes it "${detected}"; send "auto" or leave it out.`
  return [{ path: 'payment_type', message }]
}

function excessiveTotal(purchase: Purchase): FieldProblem[] {
  const unit = unitPriceOf(purchase).amountMinor
  if (unit * purchase.quantity <= MAX_AMOUNT_MINOR) return []
  const most = Math.floor(MAX_AMOUNT_MINOR / unit)
  const message = `quantity must be at most ${most} at this price: Stripe takes at most ${MAX_AMOUNT_MINOR} minor units in one charge.`
  return [{ path: 'quantity', message }]
}

function excessiveCredits(purchase: Purchase): FieldProblem[] {
  const credits = purchase.kind === 'product' ? (purchase.product.creditsMicroUsd ?? 0) : 0
  if (credits * purchase.quantity <= MAX_CREDITS_MICRO_USD) return []
  const most = Math.floor(MAX_CREDITS_MICRO_USD / credits)
  const message = `quantity must be at most ${most} of this pack: a wallet gets at most ${MAX_CREDITS_MICRO_USD} micro-dollars at once.`
  return [{ path: 'quantity', message }]
}

export const missingUrl = (path: 'success_url' | 'cancel_url'): FieldProblem => ({
  path,
  message: `${path} is required, because the project has none of its own; send it here or register the project with one.`,
})
