import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createOpenRefund } from '../../activities/open-refund.ts'
import { createVoidInvoices } from '../../activities/void-invoices.ts'
import { inProject } from '../../db/client.ts'
import { readCase } from '../../db/dunning.ts'
import { lateRefundOf } from '../../db/late-refund.ts'
import { findRefund } from '../../db/refunds.ts'
import type { ProjectId } from '../../domain/ids.ts'
import type { ChargeSnapshot, RefundSnapshot } from '../../domain/refunds.ts'
import { openDatabase, type Seeded, seedProject } from '../support/seed.ts'
import { brl } from '../support/snapshots.ts'
import { expectNoGaps, ledgerSums, recorded, sixteenTimes } from './recorded.ts'
import { createStage, DAY, sell, type Stage } from './sold.ts'

let seeded: Seeded
let stage: Stage
let projectId: ProjectId
let captured: ChargeSnapshot | undefined
beforeAll(async () => {
  seeded = await openDatabase(10)
  stage = createStage(seeded)
  stage.dependencies.provider.readCharge = async () => captured
})
afterAll(() => seeded.close())
beforeEach(async () => {
  projectId = await seedProject(seeded)
})

/** A renewal fails, the subscription is canceled in the dashboard a day later, and the customer pays the invoice after that.
 *  @param look whether we look in between */
async function paidLate({ lookBefore = true, refunds = [] as RefundSnapshot[] } = {}) {
  const sold = await sell(stage, seeded, projectId)
  await sold.look(1)
  const { invoiceId, failedAt } = await sold.fail()
  const endedAt = failedAt + DAY
  const open = sold.invoice(2, { status: 'open', finalizedAt: failedAt })
  const paid = sold.invoice(2, { finalizedAt: failedAt, paidAt: endedAt + 60_000 })
  captured = {
    stripeChargeId: `ch_late_${invoiceId}`,
    stripePaymentIntentId: `pi_late_${invoiceId}`,
    stripeInvoiceId: invoiceId,
    captured: brl(9900),
    tax: 0,
    capturedAt: endedAt + 60_000,
    isDisputed: false,
    refunds,
  }
  stage.state.at = endedAt + 3_600_000
  if (lookBefore) await sold.look(2, { status: 'canceled', endedAt, latestInvoice: open })
  sold.show(2, { status: 'canceled', endedAt, latestInvoice: paid })
  const followed = await sold.follow()
  const voided = await createVoidInvoices(stage.dependencies)({
    ...sold.subject,
    invoiceIds: followed.toVoid,
  })
  return { ...sold, invoiceId, followed, voided, paid, due: lateRefundOf(sold.subject, invoiceId) }
}

const open = (due: ReturnType<typeof lateRefundOf>) =>
  createOpenRefund(stage.dependencies)({ projectId, ...due })
const refundOf = ({ refundId }: ReturnType<typeof lateRefundOf>) =>
  inProject(seeded.connections.application, projectId, (transaction) =>
    findRefund(transaction, projectId, refundId),
  )

describe('an invoice that is paid after the end of its subscription', () => {
  it.each([
    ['after we have seen the end', true],
    ['before we look', false],
  ])('is neither a renewal nor a recovery, and its refund is named: %s', async (_when, lookBefore) => {
    const { invoiceId, voided, due } = await paidLate({ lookBefore })
    expect(voided).toEqual([due])
    const { told, entries, subscriptions } = await recorded(seeded, projectId)
    expect(told).not.toContain('subscription.recovered')
    expect(told).not.toContain('notice.payment_recovered')
    expect(entries).toEqual([])
    expect(subscriptions).toMatchObject([{ status: 'canceled' }])
    const found = await inProject(seeded.connections.application, projectId, (transaction) =>
      readCase(transaction, projectId, invoiceId),
    )
    expect(found).toMatchObject({ status: 'canceled', endActionAt: expect.any(Date) })
  })

  it('is entered once and given back once, whoever repeats it sixteen times at once', async () => {
    const { subscriptionId, invoiceId, due } = await paidLate()
    expect(await sixteenTimes(() => open(due))).toEqual(Array.from({ length: 16 }, () => true))
    const found = await recorded(seeded, projectId)
    expect(found.entries).toMatchObject([{ intent: `${subscriptionId}/paid/${invoiceId}`, invoiceId }])
    expect(found.told.filter((type) => type.startsWith('refund.'))).toEqual(['refund.created'])
    expect(found.audit.map(({ action }) => action)).toContain('subscription.paid_late')
    expect(await refundOf(due)).toMatchObject({
      amount: 9900,
      status: 'pending',
      origin: 'late_payment',
      invoiceId,
      subscriptionAction: 'keep',
    })
    expect(await ledgerSums(seeded)).toSatisfy((sums: { sum: string }[]) =>
      sums.every(({ sum }) => sum === '0'),
    )
    expectNoGaps(found)
  })

  it('is entered and not given back twice where somebody was faster in the dashboard', async () => {
    const { due } = await paidLate({
      refunds: [
        {
          stripeRefundId: 're_1',
          stripeChargeId: 'ch_late',
          status: 'succeeded',
          amount: brl(9900),
          createdAt: stage.state.at,
        },
      ],
    })
    expect(await open(due)).toBe(false)
    expect(await refundOf(due)).toBeUndefined()
    expect((await recorded(seeded, projectId)).entries).toHaveLength(1)
    expect(await open(due)).toBe(false)
  })

  it('waits for a person where Stripe knows no charge, with its money entered', async () => {
    const { due } = await paidLate()
    captured = undefined
    for (let time = 1; time <= 2; time += 1)
      await expect(open(due)).rejects.toMatchObject({ code: 'nothing_to_refund', retryable: false })
    expect((await recorded(seeded, projectId)).entries).toHaveLength(1)
  })
})

describe('an invoice that was paid before the end', () => {
  it('keeps its money, though its event comes after the end', async () => {
    const sold = await sell(stage, seeded, projectId)
    await sold.look(1)
    const { invoiceId, failedAt } = await sold.fail()
    const endedAt = failedAt + DAY
    const paid = sold.invoice(2, { finalizedAt: failedAt, paidAt: endedAt - 60_000 })
    await sold.look(2, { status: 'canceled', endedAt, latestInvoice: paid })
    const due = lateRefundOf(sold.subject, invoiceId)
    expect(await open(due)).toBe(false)
    expect(await refundOf(due)).toBeUndefined()
    const { told, entries } = await recorded(seeded, projectId)
    expect(told).toContain('subscription.recovered')
    expect(entries).toHaveLength(1)
  })

  it('is entered, and kept, where no look has seen it', async () => {
    const sold = await sell(stage, seeded, projectId)
    await sold.look(1)
    const { failedAt } = await sold.fail()
    const endedAt = failedAt + DAY
    const earlier = sold.invoice(3, { finalizedAt: failedAt, paidAt: endedAt - 60_000 })
    await sold.look(2, { status: 'canceled', endedAt })
    const before = (await recorded(seeded, projectId)).entries.length
    sold.show(2, { status: 'canceled', endedAt, latestInvoice: earlier })
    const due = lateRefundOf(sold.subject, earlier.invoiceId)
    expect(await open(due)).toBe(false)
    expect(await refundOf(due)).toBeUndefined()
    expect((await recorded(seeded, projectId)).entries).toHaveLength(before + 1)
  })

  it('is left to its checkout, where it is the first one', async () => {
    const sold = await sell(stage, seeded, projectId)
    await sold.look(1)
    const endedAt = Date.now()
    const first = sold.invoice(1, { finalizedAt: endedAt - DAY, paidAt: endedAt + 60_000 })
    await sold.look(1, { status: 'canceled', endedAt })
    const before = (await recorded(seeded, projectId)).entries.length
    sold.show(1, { status: 'canceled', endedAt, latestInvoice: first })
    expect(await open(lateRefundOf(sold.subject, first.invoiceId))).toBe(false)
    expect((await recorded(seeded, projectId)).entries).toHaveLength(before)
  })
})
