import type { Account } from '../account.ts'
import { invalidRequest } from '../http/errors.ts'
import { pageOf, paging, pagingByTime, within } from '../http/lists.ts'
import {
  hash,
  ignored,
  integer,
  list,
  metadata,
  oneOf,
  required,
  text,
  timestamp,
  unsupported,
  type Parsed,
} from '../http/parameters.ts'
import { route } from '../http/router.ts'
import { creditReasons, type CreditNote } from '../objects/credit-note.ts'
import { changedMetadata } from '../objects/shared.ts'
import { issueCreditNote, voidCreditNote, type WantedCredit } from '../processes/crediting.ts'
import { given, named } from './find.ts'

const createShape = {
  amount: integer(1),
  credit_amount: integer(0),
  effective_at: timestamp(),
  email_type: ignored(),
  invoice: required(text()),
  lines: list(
    hash({
      amount: integer(1),
      description: text(),
      invoice_line_item: text(),
      metadata: metadata(),
      quantity: integer(1),
      tax_amounts: unsupported(),
      tax_rates: unsupported(),
      type: required(oneOf('invoice_line_item', 'custom_line_item')),
      unit_amount: integer(1),
      unit_amount_decimal: unsupported(),
    }),
  ),
  memo: text(),
  metadata: metadata(),
  out_of_band_amount: integer(0),
  reason: oneOf(...creditReasons),
  refund_amount: integer(0),
  refunds: list(
    hash({
      amount_refunded: integer(1),
      payment_record_refund: unsupported(),
      refund: required(text()),
      type: oneOf('refund'),
    }),
  ),
  shipping_cost: unsupported(),
}
type Created = Parsed<typeof createShape>

function create(account: Account, params: Created): CreditNote {
  const invoice = given(account.invoices, params.invoice, 'invoice', 'invoice')
  if (params.amount === undefined && params.lines === undefined)
    throw invalidRequest('One of `amount`, `lines`, or `shipping_cost` must be provided.')
  return issueCreditNote(account, invoice, {
    amount: params.amount,
    lines: params.lines?.map((line) => ({
      type: line.type,
      amount: line.amount,
      description: line.description,
      invoiceLineItem: line.invoice_line_item,
      metadata: changedMetadata({}, line.metadata),
      quantity: line.quantity,
      unitAmount: line.unit_amount,
    })),
    creditAmount: params.credit_amount,
    outOfBandAmount: params.out_of_band_amount,
    refundAmount: params.refund_amount,
    refunds: refundsNamed(account, params),
    effectiveAt: params.effective_at,
    memo: params.memo,
    metadata: changedMetadata({}, params.metadata),
    reason: params.reason,
  })
}

const refundsNamed = (account: Account, { refunds }: Created): WantedCredit['refunds'] =>
  refunds?.map(({ refund: id, amount_refunded }, at) => {
    const refund = given(account.refunds, id, 'refund', `refunds[${at}][refund]`)
    return { refund, amount: amount_refunded ?? refund.amount }
  })

/** What a note would be. All of it is rehearsed, and leaves no trace. */
const preview = (account: Account, params: Created): CreditNote =>
  account.rehearse(() => ({ ...create(account, params) }))

const creditNoteNamed = (account: Account, id: string): CreditNote =>
  named(account.creditNotes, id, 'credit note')

export const creditNoteRoutes = [
  route('POST', '/v1/credit_notes', createShape, ({ account, params }) => create(account, params)),
  route('GET', '/v1/credit_notes/preview', createShape, ({ account, params }) => preview(account, params)),
  route('GET', '/v1/credit_notes/preview/lines', { ...createShape, ...paging }, ({ account, params }) =>
    pageOf(preview(account, params).lines.toReversed(), params, '/v1/credit_notes/preview/lines'),
  ),
  route(
    'GET',
    '/v1/credit_notes',
    { ...pagingByTime, customer: text(), customer_account: unsupported(), invoice: text() },
    ({ account, params }) => {
      const indexed = (['invoice', 'customer'] as const).find((field) => params[field] !== undefined)
      const found = indexed
        ? account.creditNotes.where(indexed, params[indexed] ?? '')
        : account.creditNotes.all()
      return pageOf(
        found.filter(
          (note) =>
            within(note.created, params.created) &&
            (params.customer === undefined || note.customer === params.customer),
        ),
        params,
        '/v1/credit_notes',
      )
    },
  ),
  route('GET', '/v1/credit_notes/:note', {}, ({ account, path }) => creditNoteNamed(account, path('note'))),
  route('GET', '/v1/credit_notes/:note/lines', paging, ({ account, params, path }) => {
    const { id, lines } = creditNoteNamed(account, path('note'))
    return pageOf(lines.toReversed(), params, `/v1/credit_notes/${id}/lines`)
  }),
  route(
    'POST',
    '/v1/credit_notes/:note',
    { memo: text(), metadata: metadata() },
    ({ account, params, path }) => {
      const note = creditNoteNamed(account, path('note'))
      const previous = account.creditNotes.change(note, {
        ...(params.memo !== undefined && { memo: params.memo }),
        metadata: changedMetadata(note.metadata, params.metadata),
      })
      account.emit('credit_note.updated', note, previous)
      return note
    },
  ),
  route('POST', '/v1/credit_notes/:note/void', {}, ({ account, path }) => {
    const note = creditNoteNamed(account, path('note'))
    voidCreditNote(account, note)
    return note
  }),
]
