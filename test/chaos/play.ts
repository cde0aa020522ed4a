import type { OwnServers } from '../support/own-servers.ts'
import type { Product } from '../support/product.ts'
import { perform } from './operations.ts'
import { comeToRest, stopwatch } from './rest.ts'
import { describe, type Fault, type Happening, type Schedule } from './schedule.ts'
import { createWeather } from './weather.ts'
import { letDaysPass, makeProject, type PlayedProject, userOf } from './world.ts'

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
  const count = (what: string) => {
    tally[what] = (tally[what] ?? 0) + 1
  }
  const watch = stopwatch()
  const projects = await Promise.all(
    Array.from({ length: 1 + Math.max(0, ...happenings.map(projectOf)) }, () => makeProject(product)),
  )
  const weather = createWeather(product, servers)
  const flaws = await playAll(happenings, projects, { product, count, strike: weather.strike })
  await weather.clearUp()
  watch.lap('played')
  const isStruckBy = (fault: Fault) => happenings.some((one) => 'fault' in one && one.fault === fault)
  const webhooksLost = isStruckBy('webhooks are lost')
  try {
    flaws.push(...(await comeToRest(product, projects, { webhooksLost, count, watch })))
  } catch (error) {
    flaws.push(`it does not come to rest: ${messageOf(error)}`)
  }
  return { flaws, tally, phases: watch.phases }
}

interface Playing {
  product: Product
  count: (what: string) => void
  strike: ReturnType<typeof createWeather>['strike']
}

/** Each project goes on by itself, step by step; whichever comes to a step first brings its faults over all.
 *  @returns a sentence for what had no answer, and for what did not pass. */
async function playAll(
  happenings: Happening[],
  projects: PlayedProject[],
  playing: Playing,
): Promise<string[]> {
  const flaws: string[] = []
  const steps = [...new Set(happenings.map(({ step }) => step))].toSorted((a, b) => a - b)
  const faults = happenings.filter((happening) => 'fault' in happening)
  const struck: Promise<void>[] = []
  const strikeUpTo = (step: number) => {
    for (let next = faults[0]; next && next.step <= step; next = faults[0]) {
      faults.shift()
      struck.push(playing.strike(next.fault, next.lasts_ms, next.chance))
    }
  }
  const playProject = async (project: PlayedProject, index: number) => {
    for (const step of steps) {
      strikeUpTo(step)
      const now = happenings.filter(
        (one) => one.step === step && 'project' in one && projectOf(one) === index,
      )
      const work = now.map(async (happening) => {
        try {
          flaws.push(...(await happen(happening, project, playing)))
        } catch (error) {
          flaws.push(`${describe(happening)} failed: ${messageOf(error)}`)
        }
      })
      await Promise.all(work)
    }
  }
  await Promise.all(projects.map(playProject))
  for (const end of await Promise.allSettled(struck))
    if (end.status === 'rejected') flaws.push(`a fault did not pass: ${messageOf(end.reason)}`)
  return flaws
}

async function happen(
  happening: Happening,
  project: PlayedProject,
  { product, count }: Playing,
): Promise<string[]> {
  if ('fault' in happening) return []
  if ('days' in happening) {
    await letDaysPass(project, happening.days)
    return []
  }
  const { operation, chance } = happening
  const user = userOf(project, happening.user)
  const outcome = await perform(operation, { product, project, user, chance })
  count(`${operation}: ${outcome}`)
  return isUnanswered(outcome) ? [`${describe(happening)} was answered ${outcome}`] : []
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
