import { expectStatus, type HttpAnswer } from '../http-client.ts'
import { load, percentilesOf } from '../load.ts'
import { openBarePayment, openPayment, type OpenPayment } from '../payments.ts'
import { percentileFigures, type Row } from '../row.ts'
import { type RowChanges, watchPayments } from '../row-changes.ts'
import type { Side } from '../stack.ts'
import { eventBody, signatureOf } from '../webhooks.ts'

const COUNT = 60
const aim = { ratioAtMost: 1.5 }
const figure = 'webhook to changed row'

/** From sending the event that a page was paid to the commit that changes the payment, one at a time. */
export const webhookToRow: Row = {
  id: 'B4',
  name: 'Webhook to changed row, one at a time',
  bareProgram: 'INSERT, signal, one bare Stripe read, one UPDATE',
  whyMore:
    'Recording takes 14 statements in one transaction where the bare program has one UPDATE; it is the slowest of a hundred that shows it. Next: as for B1.',
  figures: percentileFigures(figure, { p50: aim, p99: aim }),

  async prepare(stack) {
    const { ours, bare } = stack
    const [changes, bareChanges] = await Promise.all([watchPayments(ours.sql), watchPayments(bare.sql)])
    await Promise.all([ours, bare].map(({ stripe }) => stripe.faults({ webhooks: { drop: 1 } })))

    /** Pages that are paid, of which nobody has been told yet. */
    async function paidPayments(side: Side, open: (index: number) => Promise<OpenPayment>) {
      const paid: { payment: OpenPayment; body: string }[] = []
      await load({ count: COUNT, atOnce: 8 }, async (index) => {
        const payment = await open(index)
        await side.stripe.pay(payment.sessionId)
        const session = await side.stripe.sdk.checkout.sessions.retrieve(payment.sessionId)
        paid.push({ payment, body: eventBody('checkout.session.completed', session) })
      })
      return paid
    }
    async function round(
      paid: { payment: OpenPayment; body: string }[],
      changes: RowChanges,
      send: (body: string) => Promise<HttpAnswer>,
    ) {
      const measured = await load({ count: COUNT, atOnce: 1, pause_ms: 25 }, async (index) => {
        const { payment, body } = paid[index] ?? {}
        if (!payment || !body) throw new Error('fewer pages were paid than are measured')
        const changed = changes.statusOf(payment.paymentId)
        const startedAt = performance.now()
        const [answer] = await Promise.all([send(body), changed])
        expectStatus(200, answer)
        return performance.now() - startedAt
      })
      return percentilesOf(measured, figure)
    }
    return {
      async ours() {
        const paid = await paidPayments(ours, (index) => openPayment(stack, `webhook-${index}`))
        return round(paid, changes, (body) =>
          ours.http.post('/webhooks/stripe', body, {
            'stripe-signature': signatureOf(body, ours.webhookSecret),
          }),
        )
      },
      async bare() {
        const paid = await paidPayments(bare, () => openBarePayment(stack))
        const rows = paid.map(({ payment }) => ({ payment_id: payment.paymentId, status: 'pending' }))
        await bare.sql`insert into payments ${bare.sql(rows)}`
        return round(paid, bareChanges, (body) => bare.http.post('/webhooks/store-and-signal', body))
      },
      async end() {
        await Promise.all([ours, bare].map(({ stripe }) => stripe.endFaults()))
        await Promise.all([changes.end(), bareChanges.end()])
      },
    }
  },
}
