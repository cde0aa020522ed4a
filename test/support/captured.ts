import { createRecordCheckout } from '../../activities/record-checkout.ts'
import type { ActivityDependencies } from '../../activities/dependencies.ts'
import { inProject } from '../../db/client.ts'
import { readPayment, type PaymentRow } from '../../db/payments.ts'
import type { ProjectId } from '../../domain/ids.ts'
import { currency, money } from '../../domain/money.ts'
import { metadataKeys } from '../../domain/provider.ts'
import type { LocalStripe } from './local-stripe.ts'
import { type Seeded, seedPayment } from './seed.ts'

export interface Captured {
  payment: PaymentRow
  stripeChargeId: string
  amount: number
}

/** A payment whose money is there, at the local Stripe and with us, without a checkout. */
export async function capture(
  seeded: Seeded,
  dependencies: ActivityDependencies,
  stripe: LocalStripe,
  projectId: ProjectId,
  {
    userId = 'user-1',
    product = 'book',
    paymentMethod = 'pm_card_visa',
  }: { userId?: string; product?: string; paymentMethod?: string } = {},
): Promise<Captured> {
  const accepted = await seedPayment(seeded, projectId, { buys: { product }, userId })
  const { paymentId, amount } = accepted
  const customer = await stripe.sdk.customers.create({})
  const intent = await stripe.sdk.paymentIntents.create({
    amount,
    currency: accepted.currency,
    customer: customer.id,
    payment_method: paymentMethod,
    confirm: true,
    off_session: true,
    metadata: { [metadataKeys.project]: projectId, [metadataKeys.payment]: paymentId },
  })
  const stripeChargeId = typeof intent.latest_charge === 'string' ? intent.latest_charge : ''
  const total = money(amount, currency(accepted.currency))
  await createRecordCheckout(dependencies)({
    projectId,
    paymentId,
    snapshot: {
      session: 'complete',
      payment: 'paid',
      settlement: 'none',
      total,
      attempts: [{ stripeChargeId, money: total, outcome: 'succeeded', attemptedAt: intent.created * 1000 }],
      stripePaymentIntentId: intent.id,
    },
  })
  const payment = await inProject(dependencies.database, projectId, (transaction) =>
    readPayment(transaction, projectId, paymentId),
  )
  return { payment, stripeChargeId, amount }
}
