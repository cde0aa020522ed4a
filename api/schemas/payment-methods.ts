import { z } from '@hono/zod-openapi'
import { must, ourId, returnUrl, userId } from './fields.ts'

export const customerParams = z.object({ user_id: userId })

const methodRule = must('must be the id of a payment method of Stripe ("pm_…").')
/** Stripe's ids are at most 255 characters long: https://docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backwards-compatible */
const methodPattern = /^(pm|card|src)_\w{1,250}$/
const paymentMethodId = z
  .string(methodRule)
  .regex(methodPattern, methodRule)
  .openapi({ example: 'pm_1PgafmB7WZ01zgkWh7U0jT4a' })

/** What a path names is looked for as it is: what cannot be an id of Stripe's is not there, and goes no further. */
export const isPaymentMethodId = (text: string): boolean => methodPattern.test(text)

export const paymentMethodParams = customerParams.extend({ payment_method_id: z.string() })

export const paymentMethodShown = z
  .object({
    payment_method_id: z.string(),
    brand: z.string().openapi({ example: 'visa' }),
    last4: z.string().openapi({ example: '4242' }),
    exp_month: z.int(),
    exp_year: z.int(),
    is_default: z
      .boolean()
      .openapi({ description: 'Charged for whatever has no card of its own; the others are its backups.' }),
  })
  .openapi('PaymentMethod')

export const paymentMethodPage = z.object({
  data: z.array(paymentMethodShown).openapi({ description: 'In the order in which they are charged.' }),
  next_cursor: z.null(),
})

const defaultRule = must('must be true or false; leave it out for false.')
const oneOfTwo =
  'Send payment_method_id to add a card that Stripe knows already; or leave it out and get the address of a page on which the customer types one.'

export const newPaymentMethod = z
  .strictObject(
    {
      success_url: returnUrl.optional(),
      cancel_url: returnUrl.optional(),
      payment_method_id: paymentMethodId.optional(),
      default: z
        .boolean(defaultRule)
        .optional()
        .openapi({ description: 'Whether it is charged from now on. The first card always is.' }),
    },
    must('must be an object; send {} to get the address of a page.'),
  )
  .check((context) => {
    const { payment_method_id, success_url, cancel_url, default: isDefault } = context.value
    const add = (path: string, message: string): void => {
      context.issues.push({ code: 'custom', input: context.value, path: [path], message })
    }
    if (payment_method_id === undefined) {
      if (isDefault !== undefined)
        add(
          'default',
          'goes together with payment_method_id only: a card that is saved on the page is charged from now on.',
        )
      return
    }
    if (success_url !== undefined)
      add('success_url', `does not go together with payment_method_id. ${oneOfTwo}`)
    if (cancel_url !== undefined)
      add('cancel_url', `does not go together with payment_method_id. ${oneOfTwo}`)
  })
  .openapi('NewPaymentMethod', { description: oneOfTwo })

export const setupPage = z
  .object({
    setup_url: z.string().openapi({
      description: 'Send the customer here, within a day.',
      example: 'https://checkout.stripe.com/…',
    }),
  })
  .openapi('SetupPage')

const subscriptionRule = must('must be the id of a subscription ("sbs_…"); leave it out for all of the user.')
export const defaultInput = z
  .strictObject(
    {
      subscription_id: ourId('sbs', subscriptionRule).optional().openapi({
        description: 'Only this subscription is charged to the card; the default stays as it is.',
      }),
    },
    must('must be an object; send {} for everything the user has.'),
  )
  .openapi('NewDefault')
