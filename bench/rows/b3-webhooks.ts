import { eventually } from '../../test/support/eventually.ts'
import { expectStatus } from '../http-client.ts'
import { load } from '../load.ts'
import { openPayment } from '../payments.ts'
import type { Row } from '../row.ts'
import { eventBody, signatureOf } from '../webhooks.ts'

const COUNT = 3_000
const AT_ONCE = 64

const accepted = 'accepted'

/** From the request to 200. Of a type that wakes nobody, as most of Stripe's events are. */
export const webhooks: Row = {
  id: 'B3',
  name: `Webhooks accepted (verified, stored), ${AT_ONCE} at once`,
  bareProgram: 'node:http and one INSERT per commit, not verified',
  whyMore:
    'The signature, the JSON and the schema of the answer are checked by the one process that also sends the INSERT. Next: insert what comes in the same few milliseconds in one statement, as one commit.',
  figures: [{ name: accepted, unit: 'per second', aim: { ratioAtLeast: 0.7 } }],

  async prepare(stack) {
    const { ours, bare, temporal } = stack
    const { sessionId, workflowId } = await openPayment(stack, 'webhooks')
    await ours.stripe.pay(sessionId)
    await temporal.workflow.getHandle(workflowId).result()
    const session = await ours.stripe.sdk.checkout.sessions.retrieve(sessionId, {
      expand: ['payment_intent.latest_charge'],
    })
    const bodies = () =>
      Array.from({ length: COUNT }, () => eventBody('payment_intent.succeeded', session.payment_intent))

    return {
      async ours() {
        // Signed beforehand, because Stripe does that on machines of its own.
        const signed = bodies().map((body) => ({ body, signature: signatureOf(body, ours.webhookSecret) }))
        const { perSecond } = await load({ count: COUNT, atOnce: AT_ONCE }, async (index) => {
          const { body = '', signature = '' } = signed[index] ?? {}
          const headers = { 'stripe-signature': signature }
          expectStatus(200, await ours.http.post('/webhooks/stripe', body, headers))
        })
        await eventually(
          'every event is handled',
          async () => {
            const [waiting] = await ours.sql`select 1 from inbox where handled_at is null limit 1`
            return waiting === undefined
          },
          { within_ms: 120_000 },
        )
        return { [accepted]: perSecond }
      },
      async bare() {
        const made = bodies()
        const { perSecond } = await load({ count: COUNT, atOnce: AT_ONCE }, async (index) => {
          expectStatus(200, await bare.http.post('/webhooks/store', made[index] ?? ''))
        })
        return { [accepted]: perSecond }
      },
    }
  },
}
