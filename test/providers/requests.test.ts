import { describe, expect, it } from 'vitest'
import { parseId } from '../../domain/ids.ts'
import type { Purchase } from '../../domain/catalog.ts'
import { checkoutSessionParams } from '../../providers/stripe/requests.ts'
import { brl } from '../support/snapshots.ts'

const paramsFor = (purchase: Purchase) =>
  checkoutSessionParams({
    projectId: parseId('prj', 'prj_00000000000000000000000000'),
    paymentId: parseId('pay', 'pay_00000000000000000000000000'),
    subscriptionId: undefined,
    providerCustomerId: 'cus_1',
    providerPriceId: 'price_1',
    purchase,
    successUrl: 'https://shop.test/thanks',
    cancelUrl: 'https://shop.test/basket',
  })

describe('a payment page', () => {
  it('takes nothing but cards for a plan: nothing else can be tried again when a renewal fails', () => {
    const plan = {
      id: 'pro',
      version: 1,
      name: 'Pro',
      price: brl(9900),
      interval: 'month',
      trialDays: 0,
      roles: [],
      limits: {},
    } as const
    expect(paramsFor({ kind: 'plan', plan: { ...plan, roles: [] }, quantity: 1 })).toMatchObject({
      mode: 'subscription',
      allowed_payment_method_types: ['card'],
    })
  })

  it('takes whatever the account has switched on for what is bought once', () => {
    const purchase: Purchase = { kind: 'amount', price: brl(500), description: 'Tea', quantity: 1 }
    expect(paramsFor(purchase)).not.toHaveProperty('allowed_payment_method_types')
  })
})
