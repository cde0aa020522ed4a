import { describe, expect, it } from 'vitest'
import {
  failedInvoices,
  paidBesideLatest,
  paymentByPayment,
  type RecordedBefore,
} from '../../domain/looks.ts'
import { invoiceSeen } from '../support/snapshots.ts'
import { cycle, MONTH, seenIn } from './subscription-lives.ts'

/** The invoice of a period that is over. */
const paidIn = (period: number) => ({
  ...cycle(period, 'paid'),
  period: { start: period * MONTH, end: (period + 1) * MONTH },
})
const upgrade = invoiceSeen({ invoiceId: 'in_up', billingReason: 'subscription_update' })
const now = seenIn(4, { latestInvoice: cycle(4, 'paid') })

describe('invoices that have brought money beside the latest', () => {
  it('are those that were paid, for a period or for a change', () => {
    expect(paidBesideLatest(now, [paidIn(2), upgrade])).toEqual([paidIn(2), upgrade])
  })

  it.each([
    ['was not paid', cycle(3, 'open')],
    ['is the first, which the checkout records', invoiceSeen({ invoiceId: 'in_1' })],
    ['is the latest', cycle(4, 'paid')],
  ])('are none where one %s', (_which, invoice) => {
    expect(paidBesideLatest(now, [invoice])).toEqual([])
  })

  it('are found also where the look shows no invoice', () => {
    const { latestInvoice: _none, ...bare } = now
    expect(paidBesideLatest(bare, [paidIn(2)])).toEqual([paidIn(2)])
  })
})

describe('payments that nobody has seen', () => {
  const recorded: RecordedBefore = {
    status: 'past_due',
    currentPeriodStart: MONTH,
    currentPeriodEnd: 2 * MONTH,
  }
  const asRecorded = (latestInvoice: typeof upgrade) => ({ ...seenIn(1), status: 'past_due', latestInvoice })

  it('are seen in the order of their periods, each in its own, and then what is', () => {
    const looks = paymentByPayment(now, [paidIn(3), paidIn(4), paidIn(2)], recorded)
    expect(looks.slice(0, -1)).toEqual(
      [2, 3, 4].map((period) => seenIn(period, { latestInvoice: paidIn(period) })),
    )
    expect(looks.at(-1)).toBe(now)
  })

  it('came while it ran, whatever has become of the subscription', () => {
    const ended = { ...now, status: 'canceled' as const, endedAt: 5 * MONTH }
    const [missed] = paymentByPayment(ended, [paidIn(2)], undefined)
    expect(missed).toMatchObject({ status: 'active', currentPeriodStart: 2 * MONTH })
    expect(missed).not.toHaveProperty('endedAt')
  })

  it.each([
    ['is for a change', upgrade],
    ['is for a change within a period', { ...upgrade, period: paidIn(2).period }],
    ['says no period', cycle(3, 'paid')],
    ['is for the period that is recorded', paidIn(1)],
    ['is for a period that has not begun', paidIn(5)],
  ])('begin no period where an invoice %s: it is as it was recorded', (_which, invoice) => {
    expect(paymentByPayment(now, [invoice], recorded)).toEqual([asRecorded(invoice), now])
  })

  it('that begin no period come before those that do', () => {
    for (const unseen of [
      [paidIn(2), upgrade],
      [upgrade, paidIn(2)],
    ]) {
      const looks = paymentByPayment(now, unseen, recorded)
      expect(looks.map(({ latestInvoice }) => latestInvoice?.invoiceId)).toEqual(['in_up', 'in_2', 'in_4'])
    }
  })

  it('are none where nothing was recorded that they could belong to', () => {
    expect(paymentByPayment(now, [upgrade], undefined)).toEqual([now])
  })
})

describe('invoices that could not be collected', () => {
  const failed = seenIn(4, { status: 'past_due', latestInvoice: cycle(4, 'open') })

  it('are those of earlier periods, and then the latest', () => {
    const invoices = [cycle(2, 'open'), cycle(3, 'open'), cycle(4, 'open')]
    expect(failedInvoices(failed, invoices).map(({ invoiceId }) => invoiceId)).toEqual([
      'in_2',
      'in_3',
      'in_4',
    ])
  })

  it('are only the earlier ones where the latest is paid', () => {
    const running = seenIn(4, { latestInvoice: cycle(4, 'paid') })
    expect(failedInvoices(running, [cycle(3, 'open')])).toEqual([cycle(3, 'open')])
  })

  it.each([
    ['was paid', cycle(3, 'paid')],
    ['was not tried yet', { ...cycle(3, 'open'), attempted: false }],
    ['is the first, which is the checkout’s', { ...cycle(3, 'open'), billingReason: 'subscription_create' }],
  ])('are not among them where one %s', (_which, invoice) => {
    expect(failedInvoices(failed, [invoice])).toEqual([cycle(4, 'open')])
  })

  it('are found also where the look shows no invoice', () => {
    const { latestInvoice: _none, ...bare } = failed
    expect(failedInvoices(bare, [cycle(3, 'open')])).toEqual([cycle(3, 'open')])
  })

  it('are none once the subscription has ended', () => {
    expect(failedInvoices({ ...failed, status: 'canceled' }, [cycle(3, 'open')])).toEqual([])
  })
})
