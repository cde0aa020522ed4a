import { atMost } from '../support/at-most.ts'
import { findFlaws } from '../support/invariants.ts'
import type { Product } from '../support/product.ts'
import { type DifferenceShown, reconcile, shortly } from '../support/reconciliation.ts'
import { findBroken } from './invariants.ts'
import { ask, atStripe, letDaysPass, type PlayedProject } from './world.ts'

export interface Circumstances {
  /** Events were dropped on purpose, so somebody must compare with Stripe to know of them. */
  webhooksLost: boolean
  count: (what: string) => void
  watch: Stopwatch
}

/** Lets time run on, and looks whether all holds that must. What nobody was told of may be repaired by comparing with Stripe
 *  where webhooks were lost on purpose. Everywhere else nothing may be left to repair, neither before time runs on, which has
 *  every workflow look by itself, nor after.
 *  @returns a sentence for each flaw. */
export async function comeToRest(
  product: Product,
  projects: PlayedProject[],
  { webhooksLost, count, watch }: Circumstances,
): Promise<string[]> {
  const flaws: string[] = []
  await decideAll(product, projects)
  if (!webhooksLost) flaws.push(...(await findFlaws(product)))
  watch.lap('looked at')
  await passTime(projects)
  watch.lap('settled')
  if (webhooksLost) {
    flaws.push(...(await reconciled(product, undefined, count)))
  } else {
    flaws.push(...(await findFlaws(product)))
    const { data } = await reconcile(product)
    flaws.push(...data.map(inWords))
  }
  for (const { outcome } of await product.sql<{ outcome: string }[]>`select outcome from inbox`)
    count(`event of Stripe: ${outcome}`)
  watch.lap('compared')
  flaws.push(...(await findBroken(product, projects)))
  watch.lap('proven')
  return flaws
}

const inWords = (difference: DifferenceShown) => `I7: comparison has found ${JSON.stringify(difference)}`

/** What nobody was told of is found by comparing with Stripe, and then nothing is left to find. */
export async function reconciled(
  product: Pick<Product, 'operator'>,
  within_ms?: number,
  count: (what: string) => void = () => {},
): Promise<string[]> {
  const { data } = await reconcile(product, within_ms)
  for (const { kind, status } of data) count(`${status} by comparison: ${kind}`)
  const left = data.length > 0 ? shortly(await reconcile(product, within_ms)) : []
  return [
    ...data.filter(({ status }) => status === 'needs_person').map(inWords),
    ...left.map((difference) => `I7: after it was repaired there is still ${difference}`),
  ]
}

/** What waits for a person is decided, what lives is renewed once more, and what is unpaid falls due for the last time. */
export async function settle(product: Product, projects: PlayedProject[]): Promise<void> {
  await decideAll(product, projects)
  await passTime(projects)
}

/** What waits for a person is decided. */
async function decideAll({ stripe }: Product, projects: PlayedProject[]): Promise<void> {
  const { data } = await stripe.sdk.disputes.list({ limit: 100 })
  for (const { id, status } of data)
    if (!['won', 'lost'].includes(status)) await atStripe(() => stripe.decideDispute(id, 'lost'))
  await rejectRefunds(projects)
}

/** Refunds that wait for a second person are not made. */
export async function rejectRefunds(projects: PlayedProject[]): Promise<void> {
  for (const { client, operator } of projects) {
    const { body } = await ask(client, 'GET', '/api/v1/refunds?status=awaiting_approval&limit=100')
    for (const { refund_id: refundId } of body.data as { refund_id: string }[])
      await ask(operator, 'POST', `/api/v1/refunds/${refundId}/reject`, { reason: 'It is over.' })
  }
}

/** What lives is renewed once more, and what is unpaid falls due for the last time. */
async function passTime(projects: PlayedProject[]): Promise<void> {
  await atMost(3, projects, async (project) => {
    for (const days of [31, 8, 1]) await letDaysPass(project, days)
  })
}

export type Stopwatch = ReturnType<typeof stopwatch>

/** How long each part takes, in milliseconds. */
export function stopwatch() {
  const phases: Record<string, number> = {}
  let since = Date.now()
  return {
    phases,
    lap(phase: string): void {
      phases[phase] = Date.now() - since
      since = Date.now()
    },
  }
}
