import { load, percentilesOf } from '../load.ts'
import { openBarePayment, openPayment, type OpenPayment } from '../payments.ts'
import { percentileFigures, type Row, type Sample } from '../row.ts'

const AT_ONCE = 16
const aims = { p50: { ratioAtMost: 1.5 }, p99: { ratioAtMost: 1.5 } }

const cases = {
  alone: { figure: 'one at a time, existing customer', count: 100, atOnce: 1, isNew: false },
  firstTime: { figure: 'one at a time, new customer', count: 60, atOnce: 1, isNew: true },
  crowd: { figure: `${AT_ONCE} at once, existing customers`, count: 240, atOnce: AT_ONCE, isNew: false },
}

/** From the request to the answer with the page's address. The price is at Stripe already. */
export const payments: Row = {
  id: 'B2',
  name: 'POST /payments, with an idempotency key',
  bareProgram:
    'node:http, update-with-start of a workflow with one activity on a second task queue that makes the bare Stripe calls (session; with a new customer: customer and session); nothing is stored',
  whyMore:
    'Beyond the bare program: the key is looked up and kept, the payment is a row with its audit and its event before anybody is told, and each call of Stripe is a row first, 17 statements for an existing customer. Next: write payment, audit and event in one statement, and the effect with the look-up of its payment.',
  figures: [
    ...percentileFigures(cases.alone.figure, { ...aims, p95: { oursAtMost: 200, ratioAtMost: 1.5 } }),
    ...percentileFigures(cases.firstTime.figure, { ...aims, p95: { oursAtMost: 200, ratioAtMost: 1.5 } }),
    ...percentileFigures(cases.crowd.figure, aims),
  ],

  async prepare(stack) {
    // A slot has a customer of its own: payments of one customer wait for each other by design.
    const slots = Array.from({ length: AT_ONCE }, (_, slot) => slot)
    const prepared = await Promise.all(slots.map((slot) => openPayment(stack, `returning-${slot}`)))
    await stack.terminate(prepared.map(({ workflowId }) => workflowId))
    const customers = await Promise.all(slots.map(() => stack.bare.stripe.sdk.customers.create({})))

    async function round(open: (slot: number, isNew: boolean) => Promise<OpenPayment>): Promise<Sample> {
      const sample: Sample = {}
      for (const { figure, count, atOnce, isNew } of Object.values(cases)) {
        const opened: string[] = []
        const measured = await load({ count, atOnce }, async (_index, slot) => {
          opened.push((await open(slot, isNew)).workflowId)
        })
        Object.assign(sample, percentilesOf(measured, figure))
        await stack.terminate(opened)
      }
      return sample
    }
    let users = 0
    return {
      ours: () =>
        round((slot, isNew) => {
          users += 1
          return openPayment(stack, isNew ? `first-time-${users}` : `returning-${slot}`)
        }),
      bare: () => round((slot, isNew) => openBarePayment(stack, isNew ? undefined : customers[slot]?.id)),
    }
  },
}
