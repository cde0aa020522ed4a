import { load } from '../load.ts'
import { openBarePayment, openPayment, type OpenPayment } from '../payments.ts'
import type { Row } from '../row.ts'
import type { Side } from '../stack.ts'

const COUNT = 160
const AT_ONCE = 16

const completed = 'completed'

/** From the request to the end of the workflow: page opened, paid at the local Stripe, told by webhook, recorded. */
export const checkouts: Row = {
  id: 'B1',
  name: `Checkouts completed, one-time, each of a new customer, ${AT_ONCE} at once`,
  bareProgram:
    'node:http, a workflow with one update, one signal (from the one webhook it needs), the same activities on the same two kinds of task queue: bare Stripe calls and one commit',
  whyMore:
    'A first purchase writes 34 statements to make customer, price and page, each call an effect that is a row before Stripe is asked, and 14 to record what was paid; the bare program writes one. Next: keep the effects of one opening in one row, and write payment, ledger, audit and events in one statement.',
  figures: [{ name: completed, unit: 'per second', aim: { ratioAtLeast: 0.8 } }],

  async prepare(stack) {
    const round = async (side: Side, open: (index: number) => Promise<OpenPayment>) => {
      const { perSecond } = await load({ count: COUNT, atOnce: AT_ONCE }, async (index) => {
        const { sessionId, workflowId } = await open(index)
        await side.stripe.pay(sessionId)
        await stack.temporal.workflow.getHandle(workflowId).result()
      })
      return { [completed]: perSecond }
    }
    let users = 0
    return {
      ours: () =>
        round(stack.ours, () => {
          users += 1
          return openPayment(stack, `checkout-${users}`)
        }),
      bare: () => round(stack.bare, () => openBarePayment(stack)),
    }
  },
}
