import { Stripe } from 'stripe'
import { describe, expect, it } from 'vitest'
import { translateStripeError } from '../../providers/stripe/errors.ts'

const missing = (param?: string) =>
  new Stripe.errors.StripeInvalidRequestError({
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: 'It quotes ana@example.com',
    ...(param !== undefined && { param }),
  })

describe('what Stripe refuses', () => {
  it('is a card to be had when the customer has none: nobody else can help it', () => {
    expect(translateStripeError(missing())).toMatchObject({
      code: 'card_declined',
      retryable: false,
      detail: expect.stringMatching(/no card that could be charged/) as string,
      facts: { decline_code: 'no_payment_method' },
    })
  })

  it('is an object that is missing when Stripe names it', () => {
    expect(translateStripeError(missing('customer'))).toMatchObject({
      code: 'provider_object_missing',
      facts: { provider_param: 'customer' },
    })
  })
})
