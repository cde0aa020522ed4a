import { randomUUID } from 'node:crypto'
import type { SubscriptionId } from '../../domain/ids.ts'
import { subscriptionWorkflowId } from '../../workflows/ids.ts'
import { eventually } from '../../test/support/eventually.ts'
import { BARE_TASK_QUEUE, type BareOpenInput } from '../bare/names.ts'
import { load } from '../load.ts'
import { openPayment } from '../payments.ts'
import type { Row } from '../row.ts'
import type { Stack } from '../stack.ts'

const COUNT = 1_000

const figure = 'until all have moved on'

/** From the start of the worker's process to the last commit, after each subscription was changed at Stripe while no worker ran. */
export const restart: Row = {
  id: 'B9',
  name: `Worker started anew with ${COUNT.toLocaleString('en')} open subscriptions`,
  bareProgram:
    'as many workflows with no-op histories of equal length; each then reads Stripe and commits once',
  whyMore:
    'Each subscription looks at its row and at Stripe, and records in one transaction what has changed. Next: read the rows of many at once when a worker starts.',
  roundsAtMost: 3,
  figures: [{ name: figure, unit: 's', aim: { ratioAtMost: 1.5 } }],

  async prepare(stack) {
    const subscriptions = await makeSubscriptions(stack)
    const bareIds = await makeBareWorkflows(stack, await longestHistory(stack, subscriptions))
    const { ours, bare, temporal } = stack
    let isLeaving = false
    let turn = 0
    return {
      async ours() {
        isLeaving = !isLeaving
        const ids = subscriptions.map(({ subscriptionId }) => subscriptionId)
        const countMoved = async () => {
          const [row] = await ours.sql`
            select count(*)::int as count from subscriptions
            where subscription_id in ${ours.sql(ids)} and cancel_at_period_end = ${isLeaving}`
          return Number(row?.count)
        }
        return whileStopped(stack, 'ours', countMoved, async () => {
          await load({ count: COUNT, atOnce: 16 }, async (index) => {
            const id = subscriptions[index]?.stripeSubscriptionId ?? ''
            await ours.stripe.sdk.subscriptions.update(id, { cancel_at_period_end: isLeaving })
          })
          await eventually(
            'every workflow has been told',
            async () => (await ours.sql`select 1 from inbox where handled_at is null limit 1`).length === 0,
            { within_ms: 120_000, every_ms: 100 },
          )
        })
      },
      async bare() {
        turn += 1
        const status = `moved ${turn}`
        const countMoved = async () => {
          const [row] = await bare.sql`select count(*)::int as count from payments where status = ${status}`
          return Number(row?.count)
        }
        return whileStopped(stack, 'bare', countMoved, async () => {
          await load({ count: COUNT, atOnce: 16 }, async (index) => {
            await temporal.workflow.getHandle(bareIds[index] ?? '').signal('moveOn', status)
          })
        })
      },
      async end() {
        await Promise.all(bareIds.map((id) => temporal.workflow.getHandle(id).terminate('measured')))
        // What they keep of these workflows is not to be found by whoever measures memory.
        for (const side of ['ours', 'bare'] as const) {
          await stack.stopWorker(side)
          await stack.startWorker(side)
        }
      },
    }
  },
}

async function whileStopped(
  stack: Stack,
  side: 'ours' | 'bare',
  countMoved: () => Promise<number>,
  tell: () => Promise<void>,
) {
  await stack.stopWorker(side)
  await tell()
  const begun = performance.now()
  await stack.startWorker(side)
  await eventually('all have moved on', async () => (await countMoved()) === COUNT, {
    within_ms: 300_000,
    every_ms: 50,
  })
  return { [figure]: (performance.now() - begun) / 1000 }
}

interface OpenSubscription {
  subscriptionId: SubscriptionId
  stripeSubscriptionId: string
}

async function makeSubscriptions(stack: Stack): Promise<OpenSubscription[]> {
  const { ours } = stack
  const run = randomUUID()
  await load({ count: COUNT, atOnce: 16 }, async (index) => {
    const { sessionId } = await openPayment(stack, `restart-${run}-${index}`, { plan_id: 'pro' })
    await ours.stripe.pay(sessionId)
  })
  return eventually(
    'every subscription is active',
    async () => {
      const rows = await ours.sql<OpenSubscription[]>`
        select subscription_id as "subscriptionId", stripe_subscription_id as "stripeSubscriptionId"
        from subscriptions where status = 'active' and user_id like ${`restart-${run}-%`}`
      return rows.length === COUNT && rows
    },
    { within_ms: 300_000, every_ms: 200 },
  )
}

async function longestHistory({ temporal }: Stack, subscriptions: OpenSubscription[]): Promise<number> {
  const lengths = subscriptions.slice(0, 20).map(async ({ subscriptionId }) => {
    const handle = temporal.workflow.getHandle(subscriptionWorkflowId(subscriptionId))
    return (await handle.describe()).historyLength
  })
  return Math.max(...(await Promise.all(lengths)))
}

async function makeBareWorkflows({ temporal, bare }: Stack, historyEvents: number): Promise<string[]> {
  const session = await bare.stripe.sdk.checkout.sessions.create({
    mode: 'payment',
    line_items: [{ price: bare.priceId, quantity: 1 }],
    success_url: 'https://shop.test/thanks',
  })
  const ids = Array.from({ length: COUNT }, () => `bare-open/${randomUUID()}`)
  await load({ count: COUNT, atOnce: 16 }, async (index) => {
    const workflowId = ids[index] ?? ''
    const input: BareOpenInput = { paymentId: workflowId, sessionId: session.id, historyEvents }
    await temporal.workflow.start('bareOpen', { taskQueue: BARE_TASK_QUEUE, workflowId, args: [input] })
  })
  for (const id of ids)
    await eventually(
      'the history is as long',
      async () => (await temporal.workflow.getHandle(id).describe()).historyLength >= historyEvents,
      { within_ms: 120_000, every_ms: 50 },
    )
  return ids
}
