import { newId } from '../store/ids.ts'
import type { Invoice } from './invoice.ts'

export type InvoicePayment = ReturnType<typeof newInvoicePayment>

/** Joins an invoice to the payment intent that pays it; the intent itself does not name the invoice. */
export function newInvoicePayment(invoice: Invoice, paymentIntent: string, now: number) {
  return {
    id: newId('inpay'),
    object: 'invoice_payment' as const,
    amount_paid: null as number | null,
    amount_requested: invoice.amount_due,
    created: now,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { payment_intent: paymentIntent, type: 'payment_intent' as const },
    status: 'open' as 'open' | 'paid' | 'canceled',
    status_transitions: { canceled_at: null as number | null, paid_at: null as number | null },
  }
}
