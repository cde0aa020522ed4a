import { Stripe } from 'stripe'
import type { ChargeAttempt } from '../../domain/checkout.ts'
import { BillingError } from '../../domain/errors.ts'
import type { ChargeAnswer, PaymentProvider } from '../../domain/provider.ts'
import type { InvoiceSnapshot } from '../../domain/subscription.ts'
import { idOf, toChargeAttempt, toInvoiceSnapshot, toPaidInvoice } from './snapshots.ts'

/** Invoices of a subscription's life: read, taken over from Stripe's own retries, charged, made void. */
export function invoices(
  stripe: Stripe,
): Pick<
  PaymentProvider,
  | 'readInvoice'
  | 'listInvoices'
  | 'listPaidInvoices'
  | 'takeOverInvoice'
  | 'payInvoice'
  | 'voidInvoice'
  | 'listOpenInvoices'
> {
  return {
    async readInvoice(invoiceId) {
      return withAttempts(stripe, await stripe.invoices.retrieve(invoiceId, { expand: ['payments'] }))
    },

    async listInvoices({ providerSubscriptionId, since }) {
      const { data } = await stripe.invoices.list({
        subscription: providerSubscriptionId,
        created: { gte: Math.floor(since / 1000) },
        limit: 100,
        expand: ['data.payments'],
      })
      return Promise.all(data.toReversed().map((invoice) => withAttempts(stripe, invoice)))
    },

    async listPaidInvoices({ providerSubscriptionId, since }) {
      const paid = await stripe.invoices
        .list({
          subscription: providerSubscriptionId,
          status: 'paid',
          created: { gte: Math.floor(since / 1000) },
          limit: 100,
        })
        .autoPagingToArray({ limit: INVOICES_AT_MOST })
      return Promise.all(paid.map(async (invoice) => toPaidInvoice(invoice, await linesOf(stripe, invoice))))
    },

    async takeOverInvoice(invoiceId) {
      const invoice = await stripe.invoices.retrieve(invoiceId)
      // What is settled has nothing to take over, and may not be changed.
      if (invoice.status === 'open' && invoice.auto_advance !== false)
        await stripe.invoices.update(invoiceId, { auto_advance: false })
    },

    async payInvoice({ invoiceId, paymentMethodId }, effectKey) {
      await refuseAfterEnd(stripe, invoiceId)
      try {
        await stripe.invoices.pay(
          invoiceId,
          { payment_method: paymentMethodId, off_session: true },
          { idempotencyKey: effectKey },
        )
        return { outcome: 'succeeded' }
      } catch (error) {
        const answer = declineOf(error)
        if (!answer) throw error
        return answer
      }
    },

    async voidInvoice(invoiceId) {
      const invoice = await stripe.invoices.retrieve(invoiceId)
      if (invoice.status === 'paid') return 'paid'
      if (invoice.status === 'void') return 'void'
      // Only what is finalized can be made void. A draft of a subscription cannot be deleted either.
      if (invoice.status === 'draft')
        await stripe.invoices.finalizeInvoice(invoiceId, { auto_advance: false })
      try {
        await stripe.invoices.voidInvoice(invoiceId)
        return 'void'
      } catch (error) {
        // The customer may have paid on Stripe's page a moment ago.
        const { status } = await stripe.invoices.retrieve(invoiceId)
        if (status === 'paid') return 'paid'
        if (status === 'void') return 'void'
        throw error
      }
    },

    async listOpenInvoices(providerSubscriptionId) {
      const lists = await Promise.all(
        (['draft', 'open'] as const).map((status) =>
          stripe.invoices.list({ subscription: providerSubscriptionId, status, limit: 100 }),
        ),
      )
      return lists.flatMap(({ data }) => data.map(({ id }) => id)).filter((id) => id !== undefined)
    },
  }
}

/** More than a subscription that renews each day has in a year. */
const INVOICES_AT_MOST = 1_000

/** An invoice shows the first lines only. */
async function linesOf(stripe: Stripe, { id, lines }: Stripe.Invoice): Promise<Stripe.InvoiceLineItem[]> {
  if (!lines.has_more || id === undefined) return lines.data
  return stripe.invoices.listLineItems(id, { limit: 100 }).autoPagingToArray({ limit: 10_000 })
}

/** Stripe leaves the invoices of a canceled subscription open and payable. Somebody may have canceled it in the dashboard a
 *  moment ago, which nothing of ours holds back: so the last thing before each charge is to look.
 *  @throws BillingError `nothing_to_collect`. */
async function refuseAfterEnd(stripe: Stripe, invoiceId: string): Promise<void> {
  const { status, parent } = await stripe.invoices.retrieve(invoiceId, {
    expand: ['parent.subscription_details.subscription'],
  })
  const subscription = parent?.subscription_details?.subscription
  const hasEnded = typeof subscription === 'object' && subscription.status === 'canceled'
  // What is paid may be this very charge, whose answer was lost: Stripe repeats it.
  if (hasEnded && status !== 'paid') throw new BillingError('nothing_to_collect')
}

/** An invoice with each try to charge it, as long as it is unpaid: nobody asks later. */
export async function withAttempts(stripe: Stripe, invoice: Stripe.Invoice): Promise<InvoiceSnapshot> {
  const snapshot = toInvoiceSnapshot(invoice)
  if (snapshot.status !== 'open' || !snapshot.attempted) return snapshot
  const known = invoice.payments ?? (await stripe.invoicePayments.list({ invoice: snapshot.invoiceId }))
  const intents = known.data
    .map(({ payment }) => idOf(payment.payment_intent))
    .filter((intent) => intent !== undefined)
  const attempts = await attemptsOf(stripe, intents)
  return {
    ...snapshot,
    attempts,
    ...(attempts.length === 0 && { lacksCard: await lackCard(stripe, intents) }),
  }
}

async function attemptsOf(stripe: Stripe, intents: string[]): Promise<ChargeAttempt[]> {
  const lists = await Promise.all(
    intents.map((payment_intent) => stripe.charges.list({ payment_intent, limit: 100 })),
  )
  return (
    lists
      // Stripe lists the newest first and tells whole seconds: reversed, the tries of one second keep their order.
      .flatMap(({ data }) => data.toReversed())
      .map(toChargeAttempt)
      .toSorted((a, b) => a.attemptedAt - b.attemptedAt)
  )
}

/** Neither a payment that waits for the customer's bank nor one that has found no card leaves a charge. */
async function lackCard(stripe: Stripe, intents: string[]): Promise<boolean> {
  const read = await Promise.all(intents.map((intent) => stripe.paymentIntents.retrieve(intent)))
  return read.every(
    ({ status, last_payment_error }) => status === 'requires_payment_method' && !last_payment_error,
  )
}

/** A card's refusal is an answer to the question whether it pays. */
function declineOf(error: unknown): ChargeAnswer | undefined {
  if (!(error instanceof Stripe.errors.StripeError)) return undefined
  const { code } = error
  const declineCode = error.decline_code ?? code
  const chargeId = idOf(error.payment_intent?.latest_charge) ?? error.charge
  const details = {
    ...(declineCode && { declineCode }),
    ...(error.advice_code && { adviceCode: error.advice_code }),
    ...(chargeId && { chargeId }),
  }
  if (code === 'invoice_payment_intent_requires_action' || code === 'authentication_required')
    return { outcome: 'needs_customer', ...details, declineCode: 'authentication_required' }
  return error instanceof Stripe.errors.StripeCardError ? { outcome: 'declined', ...details } : undefined
}
