import { randomUUID } from 'node:crypto'
import { eventually } from '../../test/support/eventually.ts'
import { expectStatus } from '../http-client.ts'
import { load, percentilesOf } from '../load.ts'
import { openPayment } from '../payments.ts'
import { percentileFigures, type Row } from '../row.ts'

const alone = { figure: 'one at a time', count: 30 }
const together = { figure: '8 at once', count: 80 }

/** Refunds of one payment: from the request to the answer that Stripe has made it. They wait for each other, because what is
 *  left is reckoned under one lock. */
export const refunds: Row = {
  id: 'B10',
  name: 'Refunds of one payment, each made once',
  bareProgram:
    'SELECT FOR UPDATE of the payment and UPDATE of what is left, in a transaction, and then one bare `refunds.create`, which nobody waits for under the lock. No workflow, no approval, no ledger, no event, no look at other refunds',
  whyMore:
    'Each refund is a workflow of its own, which survives whatever dies, waits for a second person where one is needed, and is followed to the bank’s answer; the bare program forgets it. On one payment they wait for each other by design. Next: nothing is planned.',
  figures: [
    ...percentileFigures(alone.figure, {}),
    ...percentileFigures(together.figure, {}),
    { name: together.figure, unit: 'per second', aim: { ratioAtLeast: 0.3 } },
  ],

  async prepare(stack) {
    const { ours, bare } = stack
    const measure = async (refund: () => Promise<void>) => {
      const one = await load({ count: alone.count, atOnce: 1 }, refund)
      const many = await load({ count: together.count, atOnce: 8 }, refund)
      return {
        ...percentilesOf(one, alone.figure),
        ...percentilesOf(many, together.figure),
        [together.figure]: many.perSecond,
      }
    }
    return {
      async ours() {
        const { paymentId, sessionId } = await openPayment(stack, `refunded-${randomUUID()}`)
        await ours.stripe.pay(sessionId)
        await eventually('it is paid', async () => {
          const [row] = await ours.sql`select status from payments where payment_id = ${paymentId}`
          return row?.status === 'succeeded'
        })
        const headers = { authorization: `Bearer ${ours.project.apiKey}` }
        const body = JSON.stringify({ payment_id: paymentId, amount: 1 })
        return measure(async () => {
          expectStatus(202, await ours.http.post('/api/v1/refunds', body, headers))
        })
      },
      async bare() {
        const { sdk } = bare.stripe
        const customer = await sdk.customers.create({})
        const { id: payment_intent } = await sdk.paymentIntents.create({
          amount: 9_900,
          currency: 'brl',
          customer: customer.id,
          payment_method: 'pm_card_visa',
          confirm: true,
          off_session: true,
        })
        const payment_id = randomUUID()
        await bare.sql`insert into payments ${bare.sql([{ payment_id, status: 'succeeded' }])}`
        return measure(async () => {
          await bare.sql.begin(async (sql) => {
            await sql`select from payments where payment_id = ${payment_id} for update`
            await sql`update payments set status = 'partially_refunded' where payment_id = ${payment_id}`
          })
          // Outside the lock: eight at once would wait for each other's answers, and look slow.
          await sdk.refunds.create({ payment_intent, amount: 1 }, { idempotencyKey: randomUUID() })
        })
      },
    }
  },
}
