import {
  condition,
  defineSignal,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow'
import type { BareRecordActivities, BareStripeActivities } from './activities.ts'
import {
  BARE_STRIPE_TASK_QUEUE,
  type BareCheckoutInput,
  type BareOpenInput,
  type BareSession,
} from './names.ts'

export const openSession = defineUpdate<BareSession>('openSession')
export const stripeChanged = defineSignal('stripeChanged')
export const moveOn = defineSignal<[string]>('moveOn')

const stripe = proxyActivities<BareStripeActivities>({
  taskQueue: BARE_STRIPE_TASK_QUEUE,
  startToCloseTimeout: '1 minute',
})
const record = proxyLocalActivities<BareRecordActivities>({ startToCloseTimeout: '20 seconds' })

/** The least that a checkout can be: one update, one signal, two calls of Stripe and one commit. */
export async function bareCheckout(input: BareCheckoutInput): Promise<string> {
  let session: BareSession | undefined
  let paid = false
  setHandler(openSession, async () => {
    await condition(() => session !== undefined)
    if (!session) throw new Error('a condition came true and is not')
    return session
  })
  setHandler(stripeChanged, () => {
    paid = true
  })
  session = await stripe.openCheckout(input)
  await condition(() => paid)
  const status = await stripe.readCheckout(session.sessionId)
  await record.recordStatus(input.paymentId, status)
  return status
}

/** The least that a subscription can be while nothing happens. */
export async function bareSleep(ms: number): Promise<void> {
  await sleep(ms)
}

const ROUNDS_AT_MOST = 20

/** The least that an open subscription can be: for each change one call of Stripe and one commit. */
export async function bareOpen({ paymentId, sessionId, historyEvents }: BareOpenInput): Promise<void> {
  const told: string[] = []
  setHandler(moveOn, (status) => void told.push(status))
  while (workflowInfo().historyLength < historyEvents) await stripe.doNothing()
  for (let round = 0; round < ROUNDS_AT_MOST; round += 1) {
    await condition(() => told.length > 0)
    await stripe.readCheckout(sessionId)
    await record.recordStatus(paymentId, told.shift() ?? '')
  }
}
