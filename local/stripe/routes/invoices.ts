import type { Account } from '../account.ts'
import { invalidRequest, missingParameter, StripeError } from '../http/errors.ts'
import { pageOf, paging, pagingByTime, within } from '../http/lists.ts'
import { boolean, integer, oneOf, range, required, text, type Parsed } from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { search } from '../http/search.ts'
import { subscriptionOf, type Invoice } from '../objects/invoice.ts'
import type { PaymentMethod } from '../objects/payment-method.ts'
import { changedMetadata } from '../objects/shared.ts'
import { present } from '../present.ts'
import { setAutoAdvance } from '../processes/collecting.ts'
import {
  draftInvoice,
  finalizeInvoice,
  intentOf,
  markUncollectible,
  totalsOf,
  voidInvoice,
} from '../processes/invoicing.ts'
import { payInvoice, payOutOfBand } from '../processes/paying-invoices.ts'
import { gatherItems } from '../processes/invoice-items.ts'
import { withTaxes } from '../processes/taxes.ts'
import { findPaymentMethod } from '../processes/payment-methods.ts'
import { given, named } from './find.ts'
import { createShape, payShape, shared } from './invoice-parameters.ts'
import { taxRatesNamed } from './tax-rates.ts'

function create(account: Account, params: Parsed<typeof createShape>): Invoice {
  if (params.customer === undefined) throw missingParameter('customer')
  const customer = given(account.customers, params.customer, 'customer', 'customer')
  const sends = params.collection_method === 'send_invoice'
  if (sends && params.days_until_due === undefined && params.due_date === undefined)
    throw invalidRequest(
      'When `collection_method=send_invoice`, you must pass `days_until_due` or `due_date`.',
    )
  const due = params.due_date ?? account.now(customer) + (params.days_until_due ?? 0) * 24 * 60 * 60
  const invoice = draftInvoice(account, {
    customer,
    currency: params.currency ?? customer.currency ?? 'usd',
    billingReason: 'manual',
    collectionMethod: params.collection_method,
    dueDate: sends ? due : null,
    defaultPaymentMethod:
      params.default_payment_method &&
      findPaymentMethod(account, params.default_payment_method, 'default_payment_method').id,
    defaultTaxRates: taxRatesNamed(account, params.default_tax_rates ?? null, 'default_tax_rates'),
    description: params.description,
    footer: params.footer,
    metadata: changedMetadata({}, params.metadata),
    statementDescriptor: params.statement_descriptor,
  })
  if (params.pending_invoice_items_behavior === 'include') gatherItems(account, invoice)
  if (params.auto_advance) account.invoices.change(invoice, setAutoAdvance(account, invoice, true))
  account.emit('invoice.created', invoice)
  return invoice
}

function update(account: Account, invoice: Invoice, params: Parsed<typeof shared>): Invoice {
  const { hidden: _hidden, ...previous } = account.invoices.change(invoice, {
    ...(params.auto_advance !== undefined && setAutoAdvance(account, invoice, params.auto_advance)),
    ...(params.collection_method !== undefined && { collection_method: params.collection_method }),
    ...(params.default_payment_method !== undefined && {
      default_payment_method:
        params.default_payment_method &&
        findPaymentMethod(account, params.default_payment_method, 'default_payment_method').id,
    }),
    ...(params.default_tax_rates !== undefined && retaxed(account, invoice, params.default_tax_rates)),
    ...(params.description !== undefined && { description: params.description }),
    ...(params.due_date !== undefined && { due_date: params.due_date }),
    ...(params.footer !== undefined && { footer: params.footer }),
    ...(params.statement_descriptor !== undefined && { statement_descriptor: params.statement_descriptor }),
    metadata: changedMetadata(invoice.metadata, params.metadata),
  })
  account.emit('invoice.updated', invoice, previous)
  return invoice
}

/** A draft whose lines are taxed otherwise. */
function retaxed(account: Account, invoice: Invoice, rates: string[] | null): Partial<Invoice> {
  requireDraft(account, invoice, "Finalized invoices can't be updated in this way")
  const default_tax_rates = taxRatesNamed(account, rates, 'default_tax_rates')
  const lines = withTaxes(account, { ...invoice, default_tax_rates }, invoice.lines)
  return { default_tax_rates, ...totalsOf(lines) }
}

function pay(account: Account, invoice: Invoice, params: Parsed<typeof payShape>): Invoice {
  if (invoice.status === 'paid')
    throw invalidRequest('Invoice is already paid', { code: 'invoice_already_paid' })
  if (invoice.status === 'void' || (invoice.status === 'uncollectible' && params.paid_out_of_band))
    throw invalidRequest(`Invoices with a status of ${invoice.status} cannot be paid.`)
  if (params.paid_out_of_band) {
    payOutOfBand(account, invoice)
    return invoice
  }
  const method =
    params.payment_method === undefined ? undefined : cardOf(account, invoice, params.payment_method)
  // By Stripe's default the customer is taken to be absent.
  const outcome = payInvoice(account, invoice, { method, offSession: params.off_session ?? true })
  if (outcome.kind === 'declined') throw outcome.error
  if (outcome.kind === 'requires_action') throw requiresAction(account, invoice)
  return invoice
}

/** A card of the customer whose invoice it is. */
function cardOf(account: Account, invoice: Invoice, id: string): PaymentMethod {
  const method = findPaymentMethod(account, id, 'payment_method')
  if (method.customer === invoice.customer) return method
  throw invalidRequest(
    `The customer does not have a payment method with the ID ${method.id}. The payment method must be attached to the customer.`,
    { code: 'resource_missing', param: 'payment_method' },
  )
}

/** The customer has to come and authenticate (https://docs.stripe.com/error-codes#invoice-payment-intent-requires-action). */
function requiresAction(account: Account, invoice: Invoice): StripeError {
  const intent = intentOf(account, invoice)
  return new StripeError(402, {
    type: 'card_error',
    code: 'invoice_payment_intent_requires_action',
    message:
      'Payment for this invoice requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with the invoice.',
    ...(intent && { payment_intent: present(account, intent) }),
  })
}

const invoiceNamed = (account: Account, id: string): Invoice => named(account.invoices, id, 'invoice')

function requireDraft(account: Account, invoice: Invoice, message: string): void {
  if (invoice.status !== 'draft') throw invalidRequest(message)
  if (!account.customers.get(invoice.customer))
    throw invalidRequest(`The customer ${invoice.customer} of this invoice has been deleted.`)
}

export const invoiceRoutes = [
  route('POST', '/v1/invoices', createShape, ({ account, params }) => create(account, params)),
  route(
    'GET',
    '/v1/invoices',
    {
      ...pagingByTime,
      collection_method: oneOf('charge_automatically', 'send_invoice'),
      customer: text(),
      due_date: range(),
      status: oneOf('draft', 'open', 'paid', 'uncollectible', 'void'),
      subscription: text(),
    },
    ({ account, params }) => {
      const indexed = (['subscription', 'customer'] as const).find((field) => params[field] !== undefined)
      const found = indexed ? account.invoices.where(indexed, params[indexed] ?? '') : account.invoices.all()
      return pageOf(
        found.filter(
          (invoice) =>
            within(invoice.created, params.created) &&
            (params.status === undefined || invoice.status === params.status) &&
            (params.customer === undefined || invoice.customer === params.customer) &&
            (params.subscription === undefined || subscriptionOf(invoice) === params.subscription) &&
            (params.due_date === undefined ||
              (invoice.due_date !== null && within(invoice.due_date, params.due_date))) &&
            (params.collection_method === undefined ||
              invoice.collection_method === params.collection_method),
        ),
        params,
        '/v1/invoices',
      )
    },
  ),
  route(
    'GET',
    '/v1/invoices/search',
    { query: required(text()), limit: integer(1, 100), page: text() },
    ({ account, params }) => search(account.invoices.all(), params, '/v1/invoices/search'),
  ),
  route('GET', '/v1/invoices/:invoice', {}, ({ account, path }) => invoiceNamed(account, path('invoice'))),
  route('POST', '/v1/invoices/:invoice', shared, ({ account, params, path }) =>
    update(account, invoiceNamed(account, path('invoice')), params),
  ),
  route('DELETE', '/v1/invoices/:invoice', {}, ({ account, path }) => {
    const invoice = invoiceNamed(account, path('invoice'))
    requireDraft(
      account,
      invoice,
      "You can only delete draft invoices. Use the 'void' endpoint to void an open invoice.",
    )
    account.invoices.remove(invoice)
    account.emit('invoice.deleted', invoice)
    return { id: invoice.id, object: 'invoice', deleted: true }
  }),
  route('GET', '/v1/invoices/:invoice/lines', paging, ({ account, params, path }) => {
    const invoice = invoiceNamed(account, path('invoice'))
    return pageOf(invoice.lines.toReversed(), params, `/v1/invoices/${invoice.id}/lines`)
  }),
  route(
    'POST',
    '/v1/invoices/:invoice/finalize',
    { auto_advance: boolean() },
    ({ account, params, path }) => {
      const invoice = invoiceNamed(account, path('invoice'))
      requireDraft(
        account,
        invoice,
        "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
      )
      if (params.auto_advance !== undefined)
        account.invoices.change(invoice, setAutoAdvance(account, invoice, params.auto_advance))
      finalizeInvoice(account, invoice)
      // Finalized by hand, it is collected within the hour.
      if (invoice.auto_advance) account.invoices.change(invoice, setAutoAdvance(account, invoice, true))
      return invoice
    },
  ),
  route('POST', '/v1/invoices/:invoice/pay', payShape, ({ account, params, path }) =>
    pay(account, invoiceNamed(account, path('invoice')), params),
  ),
  route('POST', '/v1/invoices/:invoice/send', {}, ({ account, path }) => {
    const invoice = invoiceNamed(account, path('invoice'))
    if (invoice.collection_method !== 'send_invoice')
      throw invalidRequest(
        'You can only manually send an invoice if its collection method is `send_invoice`.',
      )
    if (invoice.status === 'draft') finalizeInvoice(account, invoice)
    account.emit('invoice.sent', invoice)
    return invoice
  }),
  route('POST', '/v1/invoices/:invoice/void', {}, ({ account, path }) => {
    const invoice = invoiceNamed(account, path('invoice'))
    if (invoice.status !== 'open' && invoice.status !== 'uncollectible')
      throw invalidRequest(`You can only pass in open invoices. This invoice isn't open.`, {
        code: 'invoice_not_editable',
      })
    voidInvoice(account, invoice)
    return invoice
  }),
  route('POST', '/v1/invoices/:invoice/mark_uncollectible', {}, ({ account, path }) => {
    const invoice = invoiceNamed(account, path('invoice'))
    if (invoice.status !== 'open' && invoice.status !== 'draft')
      throw invalidRequest(`You can only mark draft or open invoices as uncollectible.`)
    markUncollectible(account, invoice)
    return invoice
  }),
]
