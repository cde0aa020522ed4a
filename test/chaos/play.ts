import { atMost } from '../support/at-most.ts'
import type { OwnServers } from '../support/own-servers.ts'
import type { Product } from '../support/product.ts'
import { type DifferenceShown, reconcile, shortly } from '../support/reconciliation.ts'
import { findFlaws } from '../support/invariants.ts'
import { findBroken } from './invariants.ts'
import { perform } from './operations.ts'
import { describe, type Fault, type Happening, type Schedule } from './schedule.ts'
import { createWeather } from './weather.ts'
import { ask, atStripe, letDaysPass, makeProject, type PlayedProject, userOf } from './world.ts'

export interface Outcome {
  /** A sentence for each thing that must never be, with its objects. */
  flaws: string[]
  /** How often each operation ended in what, what became of Stripe's events, and what had to be repaired. */
  tally: Record<string, number>
  /** How long each part took, in milliseconds. */
  phases: Record<string, number>
}

/** Plays a schedule on a product of its own, heals everything, lets time run on, and looks whether all that must hold holds. */
export async function playSchedule(
  product: Product,
  servers: OwnServers,
  { happenings }: Schedule,
): Promise<Outcome> {
  const tally: Record<string, number> = {}
  const count = (what: string) => (tally[what] = (tally[what] ?? 0) + 1)
  const watch = stopwatch()
  const flaws: string[] = []
  const projects = await Promise.all(
    Array.from({ length: 1 + Math.max(0, ...happenings.map(projectOf)) }, () => makeProject(product)),
  )
  const weather = createWeather(product, servers)
  const struck: Promise<void>[] = []
  const steps = [...new Set(happenings.map(({ step }) => step))].toSorted((a, b) => a - b)
  const happen = async (happening: Happening): Promise<void> => {
    if ('fault' in happening) return
    const project = projects[happening.project]
    if (!project) return
    if ('days' in happening) return letDaysPass(project, happening.days)
    const { operation, chance } = happening
    const outcome = await perform(operation, {
      product,
      project,
      user: userOf(project, happening.user),
      chance,
    })
    count(`${operation}: ${outcome}`)
    // A refusal by the rules is an answer; that we do not know what has become of it is none.
    if (/^(internal|undefined|attempt_in_doubt)/.test(outcome))
      flaws.push(`${describe(happening)} was answered ${outcome}`)
  }
  for (const step of steps) {
    const now = happenings.filter((happening) => happening.step === step)
    for (const happening of now)
      if ('fault' in happening)
        struck.push(weather.strike(happening.fault, happening.lasts_ms, happening.chance))
    const ended = await Promise.allSettled(now.map(happen))
    for (const [index, end] of ended.entries())
      if (end.status === 'rejected') {
        const happening = now[index]
        flaws.push(`${happening ? describe(happening) : ''} failed: ${messageOf(end.reason)}`)
      }
  }
  const over = await Promise.allSettled(struck)
  for (const end of over)
    if (end.status === 'rejected') flaws.push(`a fault did not pass: ${messageOf(end.reason)}`)
  await weather.clearUp()
  watch.lap('played')
  const isStruckBy = (fault: Fault) => happenings.some((one) => 'fault' in one && one.fault === fault)
  try {
    flaws.push(
      ...(await comeToRest(product, projects, {
        webhooksLost: isStruckBy('webhooks are lost'),
        count,
        watch,
      })),
    )
  } catch (error) {
    flaws.push(`it does not come to rest: ${messageOf(error)}`)
  }
  return { flaws, tally, phases: watch.phases }
}

/** What nobody was told of may be repaired by comparing with Stripe where webhooks were lost on purpose. Everywhere else
 *  nothing may be left to repair, neither before time runs on, which has every workflow look by itself, nor after. */
async function comeToRest(
  product: Product,
  projects: PlayedProject[],
  { webhooksLost, count, watch }: { webhooksLost: boolean; count: (what: string) => void; watch: Stopwatch },
): Promise<string[]> {
  const flaws: string[] = []
  await decideAll(product, projects)
  if (!webhooksLost) flaws.push(...(await findFlaws(product)))
  watch.lap('looked at')
  await passTime(projects)
  watch.lap('settled')
  if (!webhooksLost) flaws.push(...(await findFlaws(product)))
  const { data } = await reconcile(product)
  for (const { kind, status } of data) count(`${status} by comparison: ${kind}`)
  flaws.push(...data.filter(({ status }) => !webhooksLost || status === 'needs_person').map(inWords))
  if (webhooksLost) {
    if (data.length > 0)
      flaws.push(
        ...shortly(await reconcile(product)).map(
          (left) => `I7: after it was repaired there is still ${left}`,
        ),
      )
    flaws.push(...(await findFlaws(product, { webhooksLost })))
  }
  for (const { outcome } of await product.sql<{ outcome: string }[]>`select outcome from inbox`)
    count(`event of Stripe: ${outcome}`)
  watch.lap('compared')
  flaws.push(...(await findBroken(product, projects)))
  watch.lap('proven')
  return flaws
}

const inWords = (difference: DifferenceShown) => `I7: comparison has found ${JSON.stringify(difference)}`

type Stopwatch = ReturnType<typeof stopwatch>

function stopwatch() {
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

const projectOf = (happening: Happening): number => ('project' in happening ? happening.project : 0)

/** With the causes: `eventually` keeps the last failure there. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message} (${messageOf(error.cause)})`
}

/** What waits for a person is decided. */
async function decideAll({ stripe }: Product, projects: PlayedProject[]): Promise<void> {
  const { data } = await stripe.sdk.disputes.list({ limit: 100 })
  for (const { id, status } of data)
    if (!['won', 'lost'].includes(status)) await atStripe(() => stripe.decideDispute(id, 'lost'))
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
