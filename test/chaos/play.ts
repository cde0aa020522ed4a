import { atMost } from '../support/at-most.ts'
import type { OwnServers } from '../support/own-servers.ts'
import type { Product } from '../support/product.ts'
import { reconcile, shortly } from '../support/reconciliation.ts'
import { findBroken } from './invariants.ts'
import { perform } from './operations.ts'
import { describe, type Happening, type Schedule } from './schedule.ts'
import { createWeather } from './weather.ts'
import { atStripe, letDaysPass, makeProject, type PlayedProject, userOf } from './world.ts'

export interface Outcome {
  /** A sentence for each thing that must never be, with its objects. */
  flaws: string[]
  /** How often each operation ended in what. */
  tally: Record<string, number>
  took_ms: number
}

/** Plays a schedule on a product of its own, heals everything, lets time run on, and looks whether all that must hold holds. */
export async function playSchedule(
  product: Product,
  servers: OwnServers,
  { happenings }: Schedule,
): Promise<Outcome> {
  const begunAt = Date.now()
  const tally: Record<string, number> = {}
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
    const what = `${operation}: ${outcome}`
    tally[what] = (tally[what] ?? 0) + 1
    if (isUnanswered(outcome)) flaws.push(`${describe(happening)} was answered ${outcome}`)
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
  try {
    await settle(product, projects)
    flaws.push(...(await reconciled(product)), ...(await findBroken(product, projects)))
  } catch (error) {
    flaws.push(`it does not come to rest: ${messageOf(error)}`)
  }
  return { flaws, tally, took_ms: Date.now() - begunAt }
}

/** A refusal by the rules is an answer; that we do not know what has become of it is none. */
export const isUnanswered = (outcome: string): boolean =>
  /^(internal|undefined|attempt_in_doubt)/.test(outcome)

const projectOf = (happening: Happening): number => ('project' in happening ? happening.project : 0)

/** With the causes: `eventually` keeps the last failure there. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message} (${messageOf(error.cause)})`
}

/** Disputes are decided, what lives is renewed once more, and what is unpaid falls due for the last time. */
export async function settle({ stripe }: Product, projects: PlayedProject[]): Promise<void> {
  const { data } = await stripe.sdk.disputes.list({ limit: 100 })
  for (const { id, status } of data)
    if (!['won', 'lost'].includes(status)) await atStripe(() => stripe.decideDispute(id, 'lost'))
  await atMost(3, projects, async (project) => {
    for (const days of [31, 8, 1]) await letDaysPass(project, days)
  })
}

/** What nobody was told of is found by comparing with Stripe, and then nothing is left to find. */
export async function reconciled(product: Product, within_ms?: number): Promise<string[]> {
  const first = await reconcile(product, within_ms)
  const forPersons = first.data.filter(({ status }) => status === 'needs_person')
  const second = first.data.length > 0 ? shortly(await reconcile(product, within_ms)) : []
  return [
    ...forPersons.map((difference) => `a person is needed for ${JSON.stringify(difference)}`),
    ...second.map((difference) => `after it was repaired there is still ${difference}`),
  ]
}
