import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import { pageOf, paging, pagingByTime, within } from '../http/lists.ts'
import { integer, metadata, oneOf, text, unsupported, type Parsed } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import type { Charge } from '../objects/charge.ts'
import { refundReasons, type Refund } from '../objects/refund.ts'
import { changedMetadata } from '../objects/shared.ts'
import { refundCharge } from '../processes/refunding.ts'
import { named } from './find.ts'

const createShape = {
  amount: integer(1),
  charge: text(),
  currency: unsupported(),
  customer: unsupported(),
  instructions_email: unsupported(),
  metadata: metadata(),
  origin: unsupported(),
  payment_intent: text(),
  reason: oneOf(...refundReasons),
  refund_application_fee: unsupported(),
  reverse_transfer: unsupported(),
}

/** The charge that is meant, by its own id or as what an intent came to. */
function chargeOf(account: Account, params: Parsed<typeof createShape>): Charge {
  if (params.charge !== undefined) {
    const charge = named(account.charges, params.charge, 'charge')
    if (params.payment_intent === undefined || params.payment_intent === charge.payment_intent) return charge
    throw invalidRequest(`Charge ${charge.id} does not belong to PaymentIntent ${params.payment_intent}.`, {
      param: 'charge',
    })
  }
  if (params.payment_intent === undefined)
    throw invalidRequest(
      'One of the following params should be provided for this request: payment_intent or charge.',
    )
  const intent = named(account.paymentIntents, params.payment_intent, 'payment_intent')
  const charge = account.charges.get(intent.latest_charge ?? '')
  if (charge) return charge
  throw invalidRequest(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`)
}

const refundNamed = (account: Account, id: string): Refund => named(account.refunds, id, 'refund')

export const refundRoutes = [
  route('POST', '/v1/refunds', createShape, ({ account, params }) =>
    refundCharge(account, chargeOf(account, params), {
      amount: params.amount,
      reason: params.reason,
      metadata: changedMetadata({}, params.metadata),
    }),
  ),
  route(
    'GET',
    '/v1/refunds',
    { ...pagingByTime, charge: text(), payment_intent: text() },
    ({ account, params }) => {
      const indexed = (['charge', 'payment_intent'] as const).find((field) => params[field] !== undefined)
      const found = indexed ? account.refunds.where(indexed, params[indexed] ?? '') : account.refunds.all()
      return pageOf(
        found.filter(
          (refund) =>
            within(refund.created, params.created) &&
            (params.payment_intent === undefined || refund.payment_intent === params.payment_intent),
        ),
        params,
        '/v1/refunds',
      )
    },
  ),
  route('GET', '/v1/charges/:charge/refunds', paging, ({ account, params, path }) => {
    const { id } = named(account.charges, path('charge'), 'charge')
    return pageOf(account.refunds.where('charge', id), params, `/v1/charges/${id}/refunds`)
  }),
  route('GET', '/v1/refunds/:refund', {}, ({ account, path }) => refundNamed(account, path('refund'))),
  route('POST', '/v1/refunds/:refund', { metadata: metadata() }, ({ account, params, path }) => {
    const refund = refundNamed(account, path('refund'))
    const previous = account.refunds.change(refund, {
      metadata: changedMetadata(refund.metadata, params.metadata),
    })
    account.emit('refund.updated', refund, previous)
    account.emit('charge.refund.updated', refund, previous)
    return refund
  }),
  // Only a refund that waits for the customer can be canceled, and those of cards never do.
  route('POST', '/v1/refunds/:refund/cancel', {}, ({ account, path }) => {
    refundNamed(account, path('refund'))
    throw invalidRequest('Canceling this refund is unsupported.')
  }),
]
