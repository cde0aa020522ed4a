import type { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import { invoices } from '../../providers/stripe/invoices.ts'

/** Stripe with one invoice, of a subscription that somebody has just canceled in the dashboard. */
function afterCancellation(status: 'open' | 'paid') {
  const charged: string[] = []
  const parent = { subscription_details: { subscription: { status: 'canceled' } } }
  const stripe = {
    invoices: {
      retrieve: async () => ({ status, parent }),
      pay: async (id: string) => charged.push(id),
    },
  } as unknown as Stripe
  const charge = () =>
    invoices(stripe).payInvoice({ invoiceId: 'in_1', paymentMethodId: 'pm_1' }, 'in_1/charge/1')
  return { charge, charged }
}

describe('charging an invoice whose subscription has just been canceled', () => {
  it('is refused, although Stripe would take the money', async () => {
    const { charge, charged } = afterCancellation('open')
    await expect(charge()).rejects.toMatchObject({ code: 'nothing_to_collect' })
    expect(charged).toEqual([])
  })

  it('is asked again when the charge was made before and only its answer was lost', async () => {
    const { charge, charged } = afterCancellation('paid')
    await expect(charge()).resolves.toEqual({ outcome: 'succeeded' })
    expect(charged).toEqual(['in_1'])
  })
})
