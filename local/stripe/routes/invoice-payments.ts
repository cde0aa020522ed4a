import { pageOf, pagingByTime, within } from '../http/lists.ts'
import { hash, oneOf, required, text } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { named } from './find.ts'

export const invoicePaymentRoutes = [
  route(
    'GET',
    '/v1/invoice_payments',
    {
      ...pagingByTime,
      invoice: text(),
      payment: hash({
        payment_intent: text(),
        payment_record: text(),
        type: required(oneOf('payment_intent', 'payment_record')),
      }),
      status: oneOf('canceled', 'open', 'paid'),
    },
    ({ account, params }) => {
      const { invoicePayments } = account
      const intent = params.payment?.payment_intent
      const found =
        intent !== undefined
          ? invoicePayments.where('payment_intent', intent)
          : params.invoice === undefined
            ? invoicePayments.all()
            : invoicePayments.where('invoice', params.invoice)
      return pageOf(
        found.filter(
          (payment) =>
            within(payment.created, params.created) &&
            (params.invoice === undefined || payment.invoice === params.invoice) &&
            (params.status === undefined || payment.status === params.status),
        ),
        params,
        '/v1/invoice_payments',
      )
    },
  ),
  route('GET', '/v1/invoice_payments/:id', {}, ({ account, path }) =>
    named(account.invoicePayments, path('id'), 'invoice_payment'),
  ),
]
